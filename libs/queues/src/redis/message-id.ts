/** A token is seq * 64 + priority * 4 + flags (scripts/parts/token.lua). */
const PER_SEQ = 64;

export const seqOf = (token: number): number => Math.floor(token / PER_SEQ);

/** The id of a message that was sent to the queue of this generation. */
export const messageId = (gen: string, token: number): string => `${gen}-${seqOf(token)}`;
