import { Controller, Headers, type MessageEvent, Param, Sse } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { nameSchema, ValidationFailed } from '@syncline/contracts';
import { Drain, HangUp, type HangUpSignal } from '@syncline/http';
import { Observable } from 'rxjs';
import { Watches } from './watches.js';

const EVENT_ID = /^\d{1,20}-\d{1,20}$/;

/** What happens to a lock, as server-sent events. */
@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class EventsController {
  constructor(
    private readonly watches: Watches,
    private readonly drain: Drain,
  ) {}

  @Sse(':name/events')
  @ApiOperation({
    summary: 'Watch a lock: acquired, released, expired, revoked',
    description:
      'Each event has an id and the lease. With Last-Event-ID it goes on after that event; the last 256 are kept, for 5 minutes ' +
      'after the last watcher left. When events were lost meanwhile, the event `gone` says so, before those that are left.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, example: '1769851800000-0' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Server-sent events', schema: { type: 'string' } })
  async watchLock(
    @Param('name', { schema: nameSchema }) name: string,
    @HangUp() hangUp: HangUpSignal,
    @Headers('last-event-id') lastEventId?: string,
  ): Promise<Observable<MessageEvent>> {
    const after = lastEventId || null;
    if (after !== null && !EVENT_ID.test(after)) {
      throw new ValidationFailed([{ path: 'Last-Event-ID', message: 'expected the id of an event' }]);
    }
    return this.follow(name, after, hangUp);
  }

  @EventPattern('lock.event')
  onEvent(@Payload() hint: { key: string }): void {
    this.watches.heed(hint.key);
  }

  private async follow(
    name: string,
    after: string | null,
    hangUp: HangUpSignal,
  ): Promise<Observable<MessageEvent>> {
    // Told before anybody listens: kept until then.
    const early: MessageEvent[] = [];
    let push = (event: MessageEvent): void => {
      early.push(event);
    };
    const stop = await this.watches.watch(name, after, {
      onEvent: ({ id, kind, lease }) => push({ id, type: kind, data: lease }),
      onGone: (oldest) =>
        push({
          type: 'gone',
          data: {
            code: 'history-gone',
            detail: `Events between ${after ?? 'the last one'} and ${oldest} may be missing.`,
          },
        }),
    });
    // Also when it goes away before Nest listens.
    hangUp.addEventListener('abort', stop);
    if (hangUp.aborted) stop();
    return new Observable<MessageEvent>((subscriber) => {
      for (const event of early) subscriber.next(event);
      push = (event) => subscriber.next(event);
      const end = () => subscriber.complete();
      this.drain.signal.addEventListener('abort', end);
      if (this.drain.draining) end();
      return () => {
        this.drain.signal.removeEventListener('abort', end);
        stop();
      };
    });
  }
}
