import { Controller, Headers, type MessageEvent, Param, Sse } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { holderSchema, nameSchema } from '@syncline/contracts';
import { CalledBy, type Caller, Disconnect, Does, EventStream } from '@syncline/http';
import { Watches } from '@syncline/locks';
import type { DisconnectSignal } from '@syncline/runtime';
import type { Observable } from 'rxjs';

/** What happens to a lock, as server-sent events. */
@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class EventsController {
  constructor(
    private readonly watches: Watches,
    private readonly stream: EventStream,
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
  watchLock(
    @Param('name', { schema: nameSchema }) name: string,
    @Disconnect() disconnect: DisconnectSignal,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CalledBy() caller: Caller,
  ): Promise<Observable<MessageEvent>> {
    const { watches } = this;
    return this.stream.open(
      {
        watches,
        watch: (after, watcher) => watches.watch(name, after, watcher),
        show: ({ id, kind, lease }) => ({ id, type: kind, data: caller.shown(holderSchema, lease) }),
        mayFollow: () => caller.may('read', name),
      },
      lastEventId,
      disconnect,
    );
  }
}
