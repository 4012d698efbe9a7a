import { Controller, Headers, type MessageEvent, Param, Sse } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { holderSchema, nameSchema, ValidationFailed } from '@syncline/contracts';
import { CalledBy, type Caller, Disconnect, Does } from '@syncline/http';
import { Watches } from '@syncline/locks';
import { type DisconnectSignal, Drain, OpenStreams } from '@syncline/runtime';
import { Observable } from 'rxjs';

/** A stream in which nothing happens shows at least this often that its node lives. */
const SIGN_OF_LIFE_MS = 3_000;
const EVENT_ID = /^\d{1,20}-\d{1,20}$/;

/** What happens to a lock, as server-sent events. */
@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class EventsController {
  constructor(
    private readonly watches: Watches,
    private readonly drain: Drain,
    private readonly streams: OpenStreams,
  ) {}

  @Sse(':name/events')
  @Does('read', ':name')
  @ApiOperation({
    summary: 'Watch a lock: acquired, released, expired, revoked',
    description:
      'Each event has an id and the lease, without its leaseId. The stream begins with an id, so that it can be resumed before ' +
      'anything happened; a comment at least every 5 s shows that the node lives. With Last-Event-ID it goes on after that ' +
      'event; the last 256 are kept, for 5 minutes after the last watcher left. When events were lost meanwhile, the event ' +
      '`gone` says so, before those that are left.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Id of the last event that was seen, such as `1769851800000-0`',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Server-sent events', schema: { type: 'string' } })
  async watchLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Disconnect() disconnect: DisconnectSignal,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CalledBy() caller: Caller,
  ): Promise<Observable<MessageEvent>> {
    const after = lastEventId || null;
    if (after !== null && !EVENT_ID.test(after)) {
      throw new ValidationFailed([{ path: 'Last-Event-ID', message: 'expected the id of an event' }]);
    }
    return this.follow(name, after, disconnect, caller);
  }

  private async follow(
    name: string,
    after: string | null,
    disconnect: DisconnectSignal,
    caller: Caller,
  ): Promise<Observable<MessageEvent>> {
    // Told before anybody listens: kept until then.
    const early: MessageEvent[] = [];
    let push = (event: MessageEvent): void => {
      early.push(event);
    };
    const { from, stop } = await this.watches.watch(name, after, {
      onEvent: ({ id, kind, lease }) => push({ id, type: kind, data: caller.shown(holderSchema, lease) }),
      onGone: (last, oldest) =>
        push({
          // Without one it would be given a number, with which nobody can resume.
          id: last,
          type: 'gone',
          data: { code: 'history-gone', detail: `Events between ${last} and ${oldest} may be missing.` },
        }),
    });
    // Also when it goes away before Nest listens.
    disconnect.addEventListener('abort', stop);
    if (disconnect.aborted) stop();
    return new Observable<MessageEvent>((subscriber) => {
      const closed = this.streams.enter();
      const end = () => subscriber.complete();
      // The key may expire or be taken away while the stream is open.
      push = (event) => (caller.may('read', name) ? subscriber.next(event) : end());
      push({ id: from, comment: '' });
      for (const event of early) push(event);
      // A node that cannot read events is no use to the watcher: it had better go to another one.
      const signs = setInterval(() => {
        if (this.watches.isCurrent) push({ comment: '' });
      }, SIGN_OF_LIFE_MS);
      this.drain.signal.addEventListener('abort', end);
      if (this.drain.draining) end();
      return () => {
        closed();
        clearInterval(signs);
        this.drain.signal.removeEventListener('abort', end);
        stop();
      };
    });
  }
}
