import { ERRORS, SqsError } from '../sqs-error.js';
import type { AskedAction, Members, Wire } from './wire.js';

const TARGET = /^AmazonSQS\.(\w+)$/;

/** AWS JSON 1.0: the action is named by a header, members are those of a JSON object. */
export const jsonWire: Wire = {
  contentType: 'application/x-amz-json-1.0',
  result: (_action, output) => JSON.stringify(output),
  error: ({ kind, message }) => JSON.stringify({ __type: `com.amazonaws.sqs#${kind.name}`, message }),
};

/** @throws SqsError */
export function readJsonAction(target: string, body: string): AskedAction {
  const action = TARGET.exec(target)?.[1];
  if (action === undefined) {
    throw new SqsError(ERRORS.invalidAction, `The target ${target} is not valid for this endpoint.`);
  }
  return { action, members: readMembers(body), wire: jsonWire };
}

function readMembers(body: string): Members {
  let members: unknown;
  try {
    members = body === '' ? {} : JSON.parse(body);
  } catch {
    throw new SqsError(ERRORS.serialization, 'The body is not JSON.');
  }
  if (typeof members !== 'object' || members === null || Array.isArray(members)) {
    throw new SqsError(ERRORS.serialization, 'The body is not a JSON object.');
  }
  return members as Members;
}
