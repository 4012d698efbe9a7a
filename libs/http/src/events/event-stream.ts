import { Injectable, type MessageEvent } from '@nestjs/common';
import type { EventWatches, Watcher } from '@syncline/cluster';
import { ValidationFailed } from '@syncline/contracts';
import { type DisconnectSignal, Drain, OpenStreams } from '@syncline/runtime';
import { Observable } from 'rxjs';

/** A stream in which nothing happens shows at least this often that its node lives. */
const SIGN_OF_LIFE_MS = 3_000;
const EVENT_ID = /^\d{1,20}-\d{1,20}$/;

/** What is streamed, and to whom. */
export interface Streamed<Event> {
  readonly watches: EventWatches<Event>;
  readonly watch: (
    after: string | null,
    watcher: Watcher<Event>,
  ) => Promise<{ readonly from: string; readonly stop: () => void }>;
  /** What is sent for an event; null: nothing. */
  readonly show: (
    event: Event,
  ) => { readonly id: string; readonly type: string; readonly data: object } | null;
  /** Whether the caller may go on: its key may expire or be taken away while the stream is open. */
  readonly mayFollow: () => boolean;
}

/** Sends events as server-sent events. */
@Injectable()
export class EventStream {
  constructor(
    private readonly drain: Drain,
    private readonly streams: OpenStreams,
  ) {}

  /** @throws ValidationFailed for an ill-formed `Last-Event-ID`; StoreUnavailable */
  async open<Event>(
    { watches, watch, show, mayFollow }: Streamed<Event>,
    lastEventId: string | undefined,
    disconnect: DisconnectSignal,
  ): Promise<Observable<MessageEvent>> {
    const after = lastEventId || null;
    if (after !== null && !EVENT_ID.test(after)) {
      throw new ValidationFailed([{ path: 'Last-Event-ID', message: 'expected the id of an event' }]);
    }
    // Told before anybody listens: kept until then.
    const early: MessageEvent[] = [];
    let push = (event: MessageEvent): void => {
      early.push(event);
    };
    const { from, stop } = await watch(after, {
      onEvent: (event) => {
        const shown = show(event);
        if (shown !== null) push(shown);
      },
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
      push = (event) => (mayFollow() ? subscriber.next(event) : end());
      push({ id: from, comment: '' });
      for (const event of early) push(event);
      // A node that cannot read events is no use to the watcher: it had better go to another one.
      const signs = setInterval(() => {
        if (watches.isCurrent) push({ comment: '' });
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
