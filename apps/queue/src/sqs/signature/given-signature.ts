import { ERRORS, SqsError } from '../sqs-error.js';
import type { Signature, SignedRequest } from './signature.js';

const MAX_SKEW_MS = 900_000;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const HEADER = /^AWS4-HMAC-SHA256\s+(.*)$/;
/** Any other header than these may be left out of the signature: proxies add some. */
const ALWAYS_SIGNED = ['host', 'x-amz-target'];

/**
 * The signature of a request: of its `Authorization` header, or of its query (a presigned URL).
 *
 * @throws SqsError when there is none, when it is incomplete, or too old
 */
export function readSignature(request: SignedRequest, now: number): Signature {
  const { authorization } = request.headers;
  const header = typeof authorization === 'string' ? HEADER.exec(authorization)?.[1] : undefined;
  if (header === undefined && !request.query.has('X-Amz-Signature')) {
    throw new SqsError(ERRORS.missingAuthenticationToken, 'Request is missing Authentication Token');
  }
  const given = header === undefined ? ofQuery(request.query) : ofHeader(header, request);
  const signature = complete(given);
  const signedAt = instantOf(signature.date);
  const expires = header === undefined ? Number(request.query.get('X-Amz-Expires') ?? 0) * 1_000 : 0;
  if (!(Math.abs(now - signedAt) <= MAX_SKEW_MS) && !(now >= signedAt && now <= signedAt + expires)) {
    throw new SqsError(
      ERRORS.signatureDoesNotMatch,
      `Signature expired: ${signature.date} is more than 15 minutes from the time of this node.`,
    );
  }
  for (const name of ALWAYS_SIGNED) {
    if (request.headers[name] !== undefined && !signature.signedHeaders.includes(name)) {
      throw new SqsError(ERRORS.signatureDoesNotMatch, `The signature must cover the header ${name}.`);
    }
  }
  return signature;
}

type Given = Readonly<Record<'credential' | 'signedHeaders' | 'signature' | 'date', string | undefined>>;

function ofHeader(header: string, { headers }: SignedRequest): Given {
  const parts = new Map(
    header.split(',').map((part) => {
      const [name = '', ...value] = part.trim().split('=');
      return [name, value.join('=')] as const;
    }),
  );
  const date = headers['x-amz-date'];
  return {
    credential: parts.get('Credential'),
    signedHeaders: parts.get('SignedHeaders'),
    signature: parts.get('Signature'),
    date: typeof date === 'string' ? date : undefined,
  };
}

const ofQuery = (query: URLSearchParams): Given => ({
  credential: query.get('X-Amz-Credential') ?? undefined,
  signedHeaders: query.get('X-Amz-SignedHeaders') ?? undefined,
  signature: query.get('X-Amz-Signature') ?? undefined,
  date: query.get('X-Amz-Date') ?? undefined,
});

function complete({ credential, signedHeaders, signature, date }: Given): Signature {
  const [accessKey, day, region, service, end, ...rest] = credential?.split('/') ?? [];
  const isComplete =
    accessKey &&
    region &&
    service &&
    end === 'aws4_request' &&
    rest.length === 0 &&
    signedHeaders &&
    signature;
  if (!isComplete || date === undefined || !DATE.test(date) || !date.startsWith(`${day}T`)) {
    throw new SqsError(
      ERRORS.incompleteSignature,
      'Authorization needs Credential (of the same day), SignedHeaders and Signature, and the request X-Amz-Date.',
    );
  }
  return {
    accessKey,
    scope: `${day}/${region}/${service}/${end}`,
    region,
    date,
    signedHeaders: signedHeaders.split(';'),
    value: signature,
  };
}

const instantOf = (date: string): number => Date.parse(date.replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
