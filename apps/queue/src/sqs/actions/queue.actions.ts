import { Injectable } from '@nestjs/common';
import {
  MAX_MESSAGE_BYTES,
  MOST_IN_FLIGHT,
  Problem,
  putQueueSchema,
  withoutRealm,
} from '@syncline/contracts';
import { QueuesService } from '@syncline/queues';
import {
  type Attributes,
  allowsSource,
  checkAttributes,
  FOR_EVER,
  OF_ENGINE,
  readRedrivePolicy,
  toConfiguration,
} from '../attributes/given-attributes.js';
import { type Labels, LabelsOfQueues, writeLabels } from '../attributes/labels.js';
import { attributesOf, isSourceOf, selectAttributes } from '../attributes/shown-attributes.js';
import { isFifo, QueueUrls } from '../queue-address.js';
import { ERRORS, invalidValue, SqsError } from '../sqs-error.js';
import type { Members } from '../wire/wire.js';
import { type ActionCall, NOTHING, type SqsActions } from './action.js';

const NAME = /^[A-Za-z0-9_-]{1,80}$/;
const FIFO_NAME = /^(?=.{1,80}$)[A-Za-z0-9_-]+\.fifo$/;
/** 4 days. */
const DEFAULT_RETENTION_MS = 345_600_000;
const MOST_LISTED = 1_000;
const PAGE = { min: 1, max: MOST_LISTED, reason: 'Must be between 1 and 1000, if provided.' };

/** Queues: made, found, configured, removed. */
@Injectable()
export class QueueActions {
  readonly actions: SqsActions = {
    CreateQueue: { deed: 'configure', names: 'otherwise', run: (call) => this.create(call) },
    GetQueueUrl: { deed: 'read', names: 'otherwise', run: (call) => this.find(call) },
    ListQueues: { deed: 'read', names: 'otherwise', run: (call) => this.list(call) },
    ListDeadLetterSourceQueues: { deed: 'read', names: 'queue', run: (call) => this.listSources(call) },
    GetQueueAttributes: { deed: 'read', names: 'queue', run: (call) => this.getAttributes(call) },
    SetQueueAttributes: { deed: 'configure', names: 'queue', run: (call) => this.setAttributes(call) },
    DeleteQueue: { deed: 'purge', names: 'queue', run: (call) => this.remove(call) },
    PurgeQueue: { deed: 'purge', names: 'queue', run: (call) => this.purge(call) },
  };

  constructor(
    private readonly queues: QueuesService,
    private readonly labels: LabelsOfQueues,
    private readonly urls: QueueUrls,
  ) {}

  private async create(call: ActionCall): Promise<Members> {
    const { fields, caller, host } = call;
    const name = fields.text('QueueName');
    const pairs = fields.pairs('Attributes');
    checkName(name, Object.fromEntries(pairs).FifoQueue === 'true');
    const queue = `${caller.realm}${name}`;
    caller.require('configure', [queue]);
    const attributes = checkAttributes(queue, pairs);
    const labels: Labels = {
      attributes: withoutEmpty(kept(attributes)),
      // The JSON protocol has this name in lower case.
      tags: Object.fromEntries([...fields.pairs('tags'), ...fields.pairs('Tags')]),
      createdAt: now(),
      changedAt: now(),
      ...(!isFifo(queue) && { groupsTakeTurns: true }),
      moves: [],
    };
    await this.checkTarget(call, queue, attributes);
    const configuration = putQueueSchema.parse({
      retentionMs: DEFAULT_RETENTION_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      ...(!isFifo(queue) && { ordering: 'fair', maxInFlightPerGroup: MOST_IN_FLIGHT }),
    });
    const given = { ...configuration, maxReceives: FOR_EVER, ...toConfiguration(queue, attributes) };
    const made = await this.queues.make(queue, given, writeLabels(labels));
    if (!made) await this.checkSame(call, queue, attributes);
    this.labels.forget(queue);
    return { QueueUrl: this.urls.of(queue, host) };
  }

  /** A queue may be made again, if nothing that is asked for differs. */
  private async checkSame({ region }: ActionCall, queue: string, attributes: Attributes): Promise<void> {
    const all = await this.attributes(queue, region);
    const other = Object.entries(attributes).find(([name, value]) => !isSame(all[name] ?? '', value));
    if (other === undefined) return;
    throw new SqsError(
      ERRORS.queueNameExists,
      `A queue already exists with the same name and a different value for attribute ${other[0]}`,
    );
  }

  private async find({ fields, caller, host }: ActionCall): Promise<Members> {
    const queue = `${caller.realm}${fields.text('QueueName')}`;
    caller.require('read', [queue]);
    await this.labels.of(queue);
    return { QueueUrl: this.urls.of(queue, host) };
  }

  private async list({ fields, caller, host }: ActionCall): Promise<Members> {
    const limit = fields.integer('MaxResults', PAGE);
    const page = await caller.page(
      'queues',
      {
        prefix: `${caller.realm}${fields.optionalText('QueueNamePrefix') ?? ''}`,
        cursor: cursorIn(fields.optionalText('NextToken'), caller.realm),
        limit: limit ?? MOST_LISTED,
      },
      (part) => this.queues.list(part.prefix, part.cursor ?? null, part.limit),
    );
    const urls = page.queues.map(({ name }) => this.urls.of(name, host));
    return {
      ...(urls.length > 0 && { QueueUrls: urls }),
      // Without a limit there are no further pages.
      ...(limit !== undefined && page.cursor !== null && { NextToken: tokenOf(page.cursor) }),
    };
  }

  private async listSources({ queue, fields, caller, host }: ActionCall): Promise<Members> {
    await this.labels.of(queue);
    const limit = fields.integer('MaxResults', PAGE);
    const page = await caller.page(
      'queues',
      {
        prefix: caller.realm,
        cursor: cursorIn(fields.optionalText('NextToken'), caller.realm),
        limit: MOST_LISTED,
      },
      (part) => this.queues.list(part.prefix, part.cursor ?? null, part.limit),
    );
    const sources = page.queues.filter((one) => isSourceOf(queue, one));
    const shown = sources.slice(0, limit ?? MOST_LISTED);
    const cursor = shown.length < sources.length ? (shown.at(-1)?.name ?? null) : page.cursor;
    return {
      queueUrls: shown.map(({ name }) => this.urls.of(name, host)),
      ...(cursor !== null && { NextToken: tokenOf(cursor) }),
    };
  }

  private async getAttributes({ queue, fields, region }: ActionCall): Promise<Members> {
    const names = fields.texts('AttributeNames');
    const attributes = selectAttributes(await this.attributes(queue, region), names);
    return Object.keys(attributes).length === 0 ? NOTHING : { Attributes: attributes };
  }

  private async setAttributes(call: ActionCall): Promise<Members> {
    const { queue, fields } = call;
    const attributes = checkAttributes(queue, fields.pairs('Attributes'));
    await this.checkTarget(call, queue, attributes);
    const changed = toConfiguration(queue, attributes);
    const { name: _name, paused: _paused, stats: _stats, ...configuration } = await this.queues.get(queue);
    if (Object.keys(changed).length > 0) await this.queues.put(queue, { ...configuration, ...changed });
    await this.labels.change(queue, (labels) => ({
      ...labels,
      attributes: withoutEmpty({ ...labels.attributes, ...kept(attributes) }),
      changedAt: now(),
    }));
    return NOTHING;
  }

  private async remove({ queue }: ActionCall): Promise<Members> {
    await this.queues.remove(queue);
    this.labels.forget(queue);
    return NOTHING;
  }

  private async purge({ queue }: ActionCall): Promise<Members> {
    await this.queues.purge(queue);
    return NOTHING;
  }

  private async attributes(queue: string, region: string): Promise<Attributes> {
    const [found, labels] = await Promise.all([this.queues.get(queue), this.labels.of(queue)]);
    return attributesOf(found, labels, region);
  }

  /** Dead letters go to a queue that there is, and to which the caller may send. */
  private async checkTarget(
    { caller }: ActionCall,
    queue: string,
    { RedrivePolicy }: Attributes,
  ): Promise<void> {
    if (RedrivePolicy === undefined || RedrivePolicy === '') return;
    const { target } = readRedrivePolicy(queue, RedrivePolicy);
    caller.require('produce', [target]);
    try {
      const { attributes } = await this.labels.of(target);
      if (!allowsSource(attributes.RedriveAllowPolicy, queue)) {
        throw invalidValue(
          'RedrivePolicy',
          RedrivePolicy,
          'The RedriveAllowPolicy of the dead letter target does not allow this queue.',
        );
      }
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'not-found')) throw error;
      throw invalidValue('RedrivePolicy', RedrivePolicy, 'Dead letter target does not exist.');
    }
  }
}

function checkName(queue: string, fifo: boolean): void {
  if (fifo) {
    if (isFifo(queue) && FIFO_NAME.test(queue)) return;
    throw new SqsError(
      ERRORS.invalidParameterValue,
      'The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.',
    );
  }
  if (NAME.test(queue)) return;
  throw new SqsError(
    ERRORS.invalidParameterValue,
    'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
  );
}

/** What the engine does not keep. */
const kept = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => !OF_ENGINE.has(name)));

const withoutEmpty = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));

/** JSON counts by what it says. */
function isSame(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return canonical(JSON.parse(a)) === canonical(JSON.parse(b));
  } catch {
    return false;
  }
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : typeof part === 'number'
        ? String(part)
        : part,
  );

const now = () => Math.floor(Date.now() / 1_000);

const tokenOf = (cursor: string) => Buffer.from(withoutRealm(cursor)).toString('base64url');
function cursorIn(token: string | undefined, realm: string): string | undefined {
  if (token === undefined || token === '') return undefined;
  const cursor = Buffer.from(token, 'base64url').toString();
  if (tokenOf(cursor) !== token) throw invalidValue('NextToken', token, 'It was not given by this service.');
  return `${realm}${cursor}`;
}
