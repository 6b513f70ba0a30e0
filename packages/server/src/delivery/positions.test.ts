/** Positions as text: genuine ones come back as they were, also those that were asked about before; others never do. */
import { expect, it } from "vitest";
import { PositionCodec } from "./positions.ts";

const secret = new Uint8Array(32).fill(7);
const epoch = "XmMVoGxfTxWU-iiW";

it("reads what it wrote, among any number of others", () => {
  const codec = new PositionCodec(secret, "/");
  const texts = Array.from({ length: 5_000 }, (_, offset) => {
    return codec.encode("resume", { epoch, offset });
  });
  for (const [offset, text] of texts.entries()) {
    expect(codec.decode("resume", text)).toEqual({ epoch, offset });
    expect(codec.encode("resume", { epoch, offset })).toBe(text);
  }
  expect(new PositionCodec(secret, "/").decode("resume", texts[7])).toEqual({ epoch, offset: 7 });
});

it("takes no other check for a position that it knows, nor that check for another", () => {
  const codec = new PositionCodec(secret, "/");
  const text = codec.encode("resume", { epoch, offset: 35 });
  expect(codec.decode("resume", text)).toBeDefined();
  const changed = `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`;
  for (const forged of [changed, `hf.${epoch}.10.${text.slice(-8)}`]) {
    expect(codec.decode("resume", forged)).toBeUndefined();
    // Having been asked, it still does not.
    expect(codec.decode("resume", forged)).toBeUndefined();
  }
});

it("takes none of another kind, stream or key", () => {
  const codec = new PositionCodec(secret, "/");
  const text = codec.encode("resume", { epoch, offset: 35 });
  const application = codec.encode("application", { epoch, offset: 35 });
  for (const forged of [application, `hf.${application.slice(3)}`, `${text}A`, ""]) {
    expect(codec.decode("resume", forged)).toBeUndefined();
  }
  expect(new PositionCodec(secret, "/chat").decode("resume", text)).toBeUndefined();
  expect(new PositionCodec(new Uint8Array(32), "/").decode("resume", text)).toBeUndefined();
});
