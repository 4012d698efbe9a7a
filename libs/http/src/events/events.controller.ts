import { Controller, Headers, type MessageEvent, Sse } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { RoleEvents } from '@syncline/cluster';
import { eventSchema, namesIn } from '@syncline/contracts';
import type { DisconnectSignal } from '@syncline/runtime';
import type { Observable } from 'rxjs';
import { CalledBy, type Caller } from '../access/caller.js';
import { Does, JUDGED_BY_HANDLER } from '../access/does.decorator.js';
import { Disconnect } from '../request/disconnect.decorator.js';
import { EventStream } from './event-stream.js';

/** What happens to all names of this role, as server-sent events. */
@ApiTags('cluster')
@Controller({ path: 'events', version: '1' })
export class EventsController {
  constructor(
    private readonly events: RoleEvents,
    private readonly stream: EventStream,
  ) {}

  @Sse()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({
    summary: 'Follow all that happens to the names of this role, and to its cluster',
    description:
      'Any node tells the events of all. `event` is the type, `data` the event as JSON. The stream begins with an id; with Last-Event-ID ' +
      'it goes on after that event: about the last 5,000 are kept. When events were lost meanwhile, the event `gone` says so, before those that are ' +
      'left. A comment at least every 5 s shows that the node lives. A key is told of the names that it may read. A node tells at most 100 ' +
      'events of a type in a second, and of the others how many they were (`omitted`).',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Id of the last event that was seen, such as `1769851800000-0`',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Server-sent events', standardSchema: eventSchema })
  followEvents(
    @Disconnect() disconnect: DisconnectSignal,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CalledBy() caller: Caller,
  ): Promise<Observable<MessageEvent>> {
    const { events } = this;
    return this.stream.open(
      {
        watches: events,
        watch: (after, watcher) => events.watch(after, watcher),
        show: ({ id, event }) =>
          namesIn(event).every((name) => caller.may('read', name))
            ? { id, type: event.type, data: caller.shown(eventSchema, event) }
            : null,
        mayFollow: () => caller.mayToSome('read'),
      },
      lastEventId,
      disconnect,
    );
  }
}
