import { Injectable } from '@nestjs/common';
import { ApiKeys, type Caller } from '@syncline/http';
import { DEFAULT_REGION } from '../queue-address.js';
import { ERRORS, SqsError } from '../sqs-error.js';
import { readSignature } from './given-signature.js';
import { isSignedWith, type SignedRequest } from './signature.js';

/** Who signed a request, and for which region: what its ARNs name. */
export interface Signer {
  readonly caller: Caller;
  readonly region: string;
  /** False without API keys: then nobody need sign. */
  readonly isVerified: boolean;
}

/** Tells who calls by the signature: the access key is the name of an API key, the secret is its secret. */
@Injectable()
export class Signers {
  constructor(private readonly keys: ApiKeys) {}

  /** Without API keys everybody may do everything, whatever the signature. @throws SqsError */
  of(request: SignedRequest): Signer {
    if (!this.keys.areRequired)
      return { caller: this.keys.anonymous, region: regionOf(request), isVerified: false };
    const signature = readSignature(request, Date.now());
    const key = this.keys.signingKey(signature.accessKey);
    if (key === undefined) {
      throw new SqsError(
        ERRORS.invalidClientTokenId,
        'The security token included in the request is invalid.',
      );
    }
    if (!key.secrets.some((secret) => isSignedWith(secret, request, signature))) {
      throw new SqsError(
        ERRORS.signatureDoesNotMatch,
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      );
    }
    return { caller: key.caller, region: signature.region, isVerified: true };
  }
}

function regionOf({ headers, query }: SignedRequest): string {
  const credential = /Credential=([^,]+)/.exec(String(headers.authorization))?.[1];
  return (credential ?? query.get('X-Amz-Credential') ?? '').split('/')[2] || DEFAULT_REGION;
}
