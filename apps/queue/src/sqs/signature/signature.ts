import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/** What of a request is signed. */
export interface SignedRequest {
  readonly method: string;
  /** Path as it came, still escaped, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** A signature, and what it says of itself. */
export interface Signature {
  readonly accessKey: string;
  /** `DATE/REGION/SERVICE/aws4_request` */
  readonly scope: string;
  readonly region: string;
  /** `20261130T093000Z` */
  readonly date: string;
  readonly signedHeaders: readonly string[];
  readonly value: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const sha256 = (data: string | Uint8Array) => hash('sha256', data, 'hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

/** Whether the request was signed with this secret, by AWS Signature Version 4. In constant time. */
export function isSignedWith(secret: string, request: SignedRequest, signature: Signature): boolean {
  const [date = '', region = '', service = '', end = ''] = signature.scope.split('/');
  const text = [ALGORITHM, signature.date, signature.scope, sha256(canonical(request, signature))].join('\n');
  const key = [date, region, service, end].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const expected = Buffer.from(hmac(key, text).toString('hex'));
  const given = Buffer.from(signature.value);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function canonical(
  { method, path, query, headers, body }: SignedRequest,
  { signedHeaders }: Signature,
): string {
  const textOf = (name: string) => [headers[name] ?? ''].flat().map(trimAll).join(',');
  return [
    method,
    // Escaped once more, but for S3.
    path.split('/').map(escapeRfc3986).join('/'),
    [...query]
      .filter(([name]) => name !== 'X-Amz-Signature')
      .map(([name, value]) => `${escapeRfc3986(name)}=${escapeRfc3986(value)}`)
      .sort()
      .join('&'),
    ...signedHeaders.map((name) => `${name}:${textOf(name)}`),
    '',
    signedHeaders.join(';'),
    sha256(body),
  ].join('\n');
}

const trimAll = (text: string) => text.trim().replaceAll(/ +/g, ' ');

/** As RFC 3986 has it. */
const escapeRfc3986 = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
