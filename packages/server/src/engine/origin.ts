/**
 * Whether a request comes from a page of another origin and carries that browser's cookies.
 *
 * CORS does not cover WebSocket: without this check any page could open a connection in the name of
 * whoever visits it (cross-site WebSocket hijacking). Clients that are no browsers send no Origin.
 */
import type { IncomingHttpHeaders } from "node:http";

/** @returns the foreign origin, or undefined when there is nothing to object to. */
export function foreignOriginWithCookies(headers: IncomingHttpHeaders): string | undefined {
  const { origin } = headers;
  if (origin === undefined || !headers.cookie) return undefined;
  // The browser itself says so, and pages cannot forge it.
  if (headers["sec-fetch-site"] === "same-origin") return undefined;
  const originHost = hostOf(origin);
  if (originHost !== undefined) {
    // A proxy may rewrite Host; then it tells what the browser sent.
    const forwarded = headers["x-forwarded-host"];
    const forwardedHost = Array.isArray(forwarded)
      ? forwarded[0]
      : forwarded?.split(",")[0]?.trim();
    for (const host of [headers.host ?? headers[":authority"], forwardedHost]) {
      if (typeof host === "string" && withoutDefaultPort(host) === originHost) return undefined;
    }
  }
  return origin;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? withoutDefaultPort(new URL(origin).host) : undefined;
}

function withoutDefaultPort(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, "");
}
