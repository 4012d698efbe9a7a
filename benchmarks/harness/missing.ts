/** A contestant cannot take part: something is not installed, and the message says how to get it, or it has no such thing. */
export class Missing extends Error {
  override readonly name = 'Missing';
}
