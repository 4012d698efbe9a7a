import { Problem } from '@syncline/contracts';
import type { Caller } from '@syncline/http';

/** An error as AWS answers it. */
export interface SqsErrorKind {
  /** Name of the error in the JSON protocol. */
  readonly name: string;
  /** Its code in the Query protocol, and in the header by which SDKs know it. */
  readonly code: string;
  readonly status: number;
}

const PREFIX = 'AWS.SimpleQueueService.';
const kind = (name: string, status = 400, code = name): SqsErrorKind => ({ name, code, status });

/** Names, codes and statuses after the service's model (`sqs-2012-11-05`). */
export const ERRORS = {
  batchEntryIdsNotDistinct: kind('BatchEntryIdsNotDistinct', 400, `${PREFIX}BatchEntryIdsNotDistinct`),
  batchRequestTooLong: kind('BatchRequestTooLong', 400, `${PREFIX}BatchRequestTooLong`),
  emptyBatchRequest: kind('EmptyBatchRequest', 400, `${PREFIX}EmptyBatchRequest`),
  invalidAddress: kind('InvalidAddress', 404),
  invalidAttributeName: kind('InvalidAttributeName'),
  invalidAttributeValue: kind('InvalidAttributeValue'),
  invalidBatchEntryId: kind('InvalidBatchEntryId', 400, `${PREFIX}InvalidBatchEntryId`),
  invalidMessageContents: kind('InvalidMessageContents'),
  messageNotInflight: kind('MessageNotInflight', 400, `${PREFIX}MessageNotInflight`),
  overLimit: kind('OverLimit', 403),
  queueDoesNotExist: kind('QueueDoesNotExist', 400, `${PREFIX}NonExistentQueue`),
  queueNameExists: kind('QueueNameExists', 400, 'QueueAlreadyExists'),
  receiptHandleIsInvalid: kind('ReceiptHandleIsInvalid', 404),
  requestThrottled: kind('RequestThrottled', 403),
  resourceNotFound: kind('ResourceNotFoundException', 404),
  tooManyEntriesInBatchRequest: kind(
    'TooManyEntriesInBatchRequest',
    400,
    `${PREFIX}TooManyEntriesInBatchRequest`,
  ),
  unsupportedOperation: kind('UnsupportedOperation', 400, `${PREFIX}UnsupportedOperation`),
  invalidParameterValue: kind('InvalidParameterValue'),
  invalidParameterCombination: kind('InvalidParameterCombination'),
  missingParameter: kind('MissingParameter'),
  serialization: kind('SerializationException', 400, 'MalformedInput'),
  invalidAction: kind('InvalidAction'),
  accessDenied: kind('AccessDenied', 403),
  incompleteSignature: kind('IncompleteSignature'),
  invalidClientTokenId: kind('InvalidClientTokenId', 403),
  missingAuthenticationToken: kind('MissingAuthenticationToken', 403),
  signatureDoesNotMatch: kind('SignatureDoesNotMatch', 403),
  internalError: kind('InternalError', 500),
  serviceUnavailable: kind('ServiceUnavailable', 503),
} satisfies Record<string, SqsErrorKind>;

/** A refusal in the words of AWS. */
export class SqsError extends Error {
  constructor(
    readonly kind: SqsErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }

  /** In it, names are as the caller has them. */
  toldTo(caller: Caller | undefined): SqsError {
    const { realm = '' } = caller ?? {};
    return realm === '' ? this : new SqsError(this.kind, this.message.replaceAll(realm, ''), { cause: this });
  }

  /** Whether the caller is at fault, and not this service. */
  get isSender(): boolean {
    return this.kind.status < 500;
  }
}

export const queueDoesNotExist = () =>
  new SqsError(ERRORS.queueDoesNotExist, 'The specified queue does not exist.');

export const missing = (parameter: string) =>
  new SqsError(ERRORS.missingParameter, `The request must contain the parameter ${parameter}.`);

export const invalidValue = (parameter: string, value: unknown, reason: string) =>
  new SqsError(
    ERRORS.invalidParameterValue,
    `Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`,
  );

/** @param problem of the engine, of one that is too large with the `limit` */
export const invalidParameters = ({ detail, limit }: { readonly detail: string; readonly limit?: unknown }) =>
  new SqsError(
    ERRORS.invalidParameterValue,
    `One or more parameters are invalid. Reason: ${limit === undefined ? detail : `Message must be shorter than ${limit} bytes.`}`,
  );

/** A problem of the engine as AWS would tell it; undefined for what is a fault of this service. */
export function fromProblem(error: unknown): SqsError | undefined {
  if (error instanceof SqsError) return error;
  if (!(error instanceof Problem)) return undefined;
  const as = (what: SqsErrorKind) => new SqsError(what, error.detail, { cause: error });
  switch (error.code) {
    case 'not-found':
      return queueDoesNotExist();
    case 'queue-full':
      return as(ERRORS.overLimit);
    case 'rate-limited':
      return as(ERRORS.requestThrottled);
    case 'forbidden':
      return as(ERRORS.accessDenied);
    case 'payload-too-large':
      return invalidParameters({ ...error.extra, detail: error.detail });
    case 'store-unavailable':
    case 'shutting-down':
      return as(ERRORS.serviceUnavailable);
    default:
      return error.status < 500 ? as(ERRORS.invalidParameterValue) : undefined;
  }
}
