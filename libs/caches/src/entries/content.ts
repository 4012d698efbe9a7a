/** What the bytes of an entry are. */
export interface Content {
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
}

/** Stands between the two where they are one text: no header holds it. */
const SEPARATOR = '\n';

/** The content type as it is stored, and kept in memory: a content encoding, which few entries have, goes with it. */
export const contentTextOf = ({ contentType, contentEncoding }: Content): string =>
  contentEncoding === undefined ? contentType : contentType + SEPARATOR + contentEncoding;

export function contentOf(stored: string): Content {
  const [contentType = '', contentEncoding] = stored.split(SEPARATOR);
  return { contentType, contentEncoding };
}
