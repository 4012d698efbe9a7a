import { isNativeError } from 'node:util/types';

/** How to speak to nodes with `https` URLs. Texts in PEM, or their bytes. */
export interface TlsOptions {
  /** Certificates of the authorities that certify the nodes. Default: those that Node trusts. */
  readonly ca?: string | Buffer | undefined;
  /** Certificate of this client, with its chain, for nodes that know it. */
  readonly cert?: string | Buffer | undefined;
  /** Private key of `cert`. */
  readonly key?: string | Buffer | undefined;
}

/** What OpenSSL and Node say of a certificate, and what to do about it. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/,
    'has a certificate of an authority that is not trusted here: set `ca` to the certificate of that authority',
  ],
  [
    /ALTNAME_INVALID/,
    'has a certificate for another host: call it by a name that is in the certificate, or add this one to it',
  ],
  [/CERT_HAS_EXPIRED/, 'has a certificate that has expired: renew it'],
  [/CERT_NOT_YET_VALID/, 'has a certificate that is not valid yet: compare the clocks'],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/,
    'does not speak TLS: call it with `http`, or set its TLS_CERT',
  ],
];

/** The end of a sentence about a node; undefined for a failure that is not of TLS. */
export function tlsFault(error: unknown): string | undefined {
  if (!isNativeError(error) || !('code' in error)) return undefined;
  return FAULTS.find(([code]) => code.test(String(error.code)))?.[1];
}
