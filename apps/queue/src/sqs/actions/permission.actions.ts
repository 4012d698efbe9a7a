import { Injectable } from '@nestjs/common';
import { withoutRealm } from '@syncline/contracts';
import { LabelsOfQueues } from '../attributes/labels.js';
import { arnOf } from '../queue-address.js';
import { ERRORS, invalidValue, missing, SqsError } from '../sqs-error.js';
import { type ActionCall, NOTHING, type SqsActions } from './action.js';

interface Policy {
  readonly Version: string;
  readonly Id: string;
  readonly Statement: readonly { readonly Sid?: string }[];
}

const LABEL = /^[A-Za-z0-9_-]{1,80}$/;
const MOST_ACTIONS = 7;
/** The others nobody but the owner of a queue may do. */
const SHARED = new Set([
  ...['*', 'SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility'],
  ...['GetQueueAttributes', 'GetQueueUrl', 'ListDeadLetterSourceQueues', 'PurgeQueue'],
]);

/** Statements of the policy of a queue: kept and told. Who may do what, API keys decide. */
@Injectable()
export class PermissionActions {
  readonly actions: SqsActions = {
    AddPermission: { deed: 'configure', names: 'queue', run: (call) => this.add(call) },
    RemovePermission: { deed: 'configure', names: 'queue', run: (call) => this.remove(call) },
  };

  constructor(private readonly labels: LabelsOfQueues) {}

  private async add({ queue, fields, region }: ActionCall) {
    const label = fields.text('Label');
    const accounts = fields.texts('AWSAccountIds');
    const actions = fields.texts('Actions');
    if (accounts.length === 0) throw missing('AWSAccountIds');
    if (actions.length === 0) throw missing('Actions');
    if (!LABEL.test(label)) {
      const reason = 'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.';
      throw invalidValue('Label', label, reason);
    }
    if (actions.length > MOST_ACTIONS) {
      const found = `${actions.length} Actions were found, maximum allowed is ${MOST_ACTIONS}.`;
      throw new SqsError(ERRORS.overLimit, found);
    }
    const unshared = actions.find((action) => !SHARED.has(action));
    if (unshared !== undefined) {
      const reason = 'Only the queue owner is allowed to invoke this action.';
      throw invalidValue('ActionName', `SQS:${unshared}`, reason);
    }
    const principals = accounts.map((account) => `arn:aws:iam::${account}:root`);
    const statement = {
      Sid: label,
      Effect: 'Allow',
      Principal: { AWS: principals.length === 1 ? principals[0] : principals },
      Action: actions.length === 1 ? `SQS:${actions[0]}` : actions.map((action) => `SQS:${action}`),
      Resource: arnOf(queue, region),
    };
    await this.change(queue, (policy) => {
      if (policy.Statement.some(({ Sid }) => Sid === label)) {
        throw invalidValue('Label', label, 'Already exists.');
      }
      return { ...policy, Statement: [...policy.Statement, statement] };
    });
    return NOTHING;
  }

  private async remove({ queue, fields }: ActionCall) {
    const label = fields.text('Label');
    await this.change(queue, (policy) => {
      const left = policy.Statement.filter(({ Sid }) => Sid !== label);
      if (left.length === policy.Statement.length) {
        throw invalidValue('Label', label, "can't find label on existing policy.");
      }
      return { ...policy, Statement: left };
    });
    return NOTHING;
  }

  private async change(queue: string, change: (policy: Policy) => Policy): Promise<void> {
    await this.labels.change(queue, (labels) => {
      const { Policy: text, ...others } = labels.attributes;
      const before: Policy = {
        ...{ Version: '2012-10-17', Id: `${withoutRealm(queue)}/default-policy`, Statement: [] },
        ...(text !== undefined && policyIn(text)),
      };
      const after = change(before);
      const isEmpty = after.Statement.length === 0;
      return { ...labels, attributes: isEmpty ? others : { ...others, Policy: JSON.stringify(after) } };
    });
  }
}

/** One that a caller has set may have a single statement, which is no list. */
function policyIn(text: string): Partial<Policy> {
  const policy = JSON.parse(text);
  return { ...policy, Statement: [policy.Statement].flat() };
}
