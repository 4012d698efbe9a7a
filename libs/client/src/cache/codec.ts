/** Converts values of one type to bytes and back. */
export interface Codec<Value> {
  /** Stored with the bytes, for other programs that read the entry. */
  readonly contentType: string;
  /** The bytes to store. */
  encode(value: Value): string | Uint8Array;
  /** @throws any error when the bytes are not of this codec */
  decode(bytes: Buffer): Value;
}

const JSON_CODEC: Codec<unknown> = {
  contentType: 'application/json',
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError('The value cannot be written as JSON');
    return text;
  },
  decode: (bytes) => JSON.parse(bytes.toString()),
};

/** JSON, the default. Refuses values that JSON cannot represent, such as `undefined`. */
export const json = <Value>(): Codec<Value> => JSON_CODEC as Codec<Value>;

/** Text, as UTF-8. */
export const text: Codec<string> = {
  contentType: 'text/plain; charset=utf-8',
  encode: (value) => value,
  decode: (bytes) => bytes.toString(),
};

/** Bytes, unchanged. */
export const bytes: Codec<Uint8Array> = {
  contentType: 'application/octet-stream',
  encode: (value) => value,
  decode: (value) => value,
};
