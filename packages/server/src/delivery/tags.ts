/** What entries of a stream are found by: rooms, sessions and users have a tag each, and no two of them the same. */

/** Tags of the server's own begin with a character that no room of an application will. */
export function sessionTag(key: string): string {
  return `\u0000s${key}`;
}

export function userTag(user: string): string {
  return `\u0000u${user}`;
}

/** @returns undefined for a tag that is not a user's */
export function userOfTag(tag: string): string | undefined {
  return tag.startsWith("\u0000u") ? tag.slice(2) : undefined;
}

/**
 * What a room is found by: its name. Names that are no strings are possible without the compiler, as in Socket.IO, and a
 * client may choose them: 1 and "1" are two rooms.
 */
export function tagOfRoom(room: unknown): string {
  return typeof room === "string" ? room : `\u0000j${JSON.stringify(room) ?? "null"}`;
}

/** Whether the tag is that of a room whose name is no string. */
export function isOfUnnamedRoom(tag: string): boolean {
  return tag.startsWith("\u0000j");
}

/** So many characters may the tag of a room or a user have; the journal takes few more. */
export const tagCharactersMax = 16_000;

export function charactersOf(tags: readonly string[]): number {
  return tags.reduce((sum, { length }) => sum + length, 0);
}

/** What nobody is found by, for names that there can be no room or user of. */
export const nobodyTag = "\u0000\u0000";

/** The room that has the tag, as an application named it. */
export function roomOfTag(tag: string): string {
  return isOfUnnamedRoom(tag) ? (JSON.parse(tag.slice(2)) as string) : tag;
}
