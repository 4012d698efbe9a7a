import { Injectable } from '@nestjs/common';
import { LabelsOfQueues } from '../attributes/labels.js';
import { ERRORS, missing, SqsError } from '../sqs-error.js';
import { type ActionCall, NOTHING, type SqsActions } from './action.js';

const MOST_TAGS = 50;

/** Tags of a queue: kept and told, used for nothing. */
@Injectable()
export class TagActions {
  readonly actions: SqsActions = {
    TagQueue: { deed: 'configure', names: 'queue', run: (call) => this.tag(call) },
    UntagQueue: { deed: 'configure', names: 'queue', run: (call) => this.untag(call) },
    ListQueueTags: { deed: 'read', names: 'queue', run: (call) => this.list(call) },
  };

  constructor(private readonly labels: LabelsOfQueues) {}

  private async tag({ queue, fields }: ActionCall) {
    const added = fields.pairs('Tags');
    if (added.length === 0) throw missing('Tags');
    await this.labels.change(queue, (labels) => {
      const tags = Object.fromEntries([...Object.entries(labels.tags), ...added]);
      if (Object.keys(tags).length > MOST_TAGS) {
        throw new SqsError(ERRORS.invalidParameterValue, `Too many tags added for queue ${queue}.`);
      }
      return { ...labels, tags };
    });
    return NOTHING;
  }

  private async untag({ queue, fields }: ActionCall) {
    const gone = new Set(fields.texts('TagKeys'));
    if (gone.size === 0) throw missing('TagKeys');
    await this.labels.change(queue, (labels) => ({
      ...labels,
      tags: Object.fromEntries(Object.entries(labels.tags).filter(([key]) => !gone.has(key))),
    }));
    return NOTHING;
  }

  private async list({ queue }: ActionCall) {
    const { tags } = await this.labels.of(queue);
    return Object.keys(tags).length === 0 ? NOTHING : { Tags: tags };
  }
}
