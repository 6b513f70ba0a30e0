/**
 * Header names and values that thousands of clients have in common, kept once.
 *
 * A connection keeps its first request for as long as it lives, because applications read it; most of that is
 * text which every client of the same browser sends alike, and which Node's parser makes anew for each.
 */

/** Enough for the headers of many browsers; what comes after that is kept per request, as it came. */
const maxTexts = 2000;
/** Longer texts are seldom common. */
const maxLength = 200;

const texts = new Map<string, string>();

/** @returns an equal string, the same one each time while there is room. */
export function sharedText(text: string): string {
  if (text.length > maxLength) return text;
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size < maxTexts) texts.set(text, text);
  return text;
}

/** Headers that say the same for many clients. The others may be secret, or differ for each. */
const commonHeaders =
  /^(?:host|user-agent|origin|upgrade|connection|pragma|cache-control|accept(?:-.*)?|sec-websocket-(?:version|extensions|protocol)|sec-(?:fetch|ch)-.*)$/i;

/** Replaces names and values of a request's headers by shared ones. Call it before the headers are looked at. */
export function shareHeaders(rawHeaders: string[]): void {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = sharedText(rawHeaders[index] ?? "");
    rawHeaders[index] = name;
    if (commonHeaders.test(name)) rawHeaders[index + 1] = sharedText(rawHeaders[index + 1] ?? "");
  }
}
