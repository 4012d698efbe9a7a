/** How values of one type become bytes and come back. */
export interface Codec<Value> {
  /** Stored with the bytes; other programs read it. */
  readonly contentType: string;
  /** What is stored. */
  encode(value: Value): string | Uint8Array;
  /** @throws anything: the bytes are not of this codec */
  decode(bytes: Buffer): Value;
}

/** JSON, the default. Values that JSON cannot carry, such as `undefined`, are refused. */
export const json = <Value>(): Codec<Value> => ({
  contentType: 'application/json',
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError('The value has no form in JSON');
    return text;
  },
  decode: (bytes) => JSON.parse(bytes.toString()) as Value,
});

/** Text, as UTF-8. */
export const text: Codec<string> = {
  contentType: 'text/plain; charset=utf-8',
  encode: (value) => value,
  decode: (bytes) => bytes.toString(),
};

/** Bytes as they are. */
export const bytes: Codec<Uint8Array> = {
  contentType: 'application/octet-stream',
  encode: (value) => value,
  decode: (value) => value,
};
