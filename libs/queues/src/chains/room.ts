import {
  type NewMessage as GivenMessage,
  Problem,
  type QueueConfiguration,
  type QueueStats,
} from '@syncline/contracts';
import { OverBeforeDue, QueueFull } from '../messages/message.errors.js';
import { toNewMessage } from '../messages/new-message.js';
import { recordBytes } from '../redis/record.js';
import type { NewMessage } from '../redis/scripts/send.js';

/** What a queue can take, as it stood at one moment. */
export class Room {
  private length: number;
  private bytes: number;

  constructor(
    private readonly queue: string,
    private readonly limits: Pick<
      QueueConfiguration,
      'maxMessageBytes' | 'retentionMs' | 'maxLength' | 'maxBytes'
    >,
    stats: Pick<QueueStats, 'ready' | 'delayed' | 'inFlight' | 'bytes'> = NOTHING,
  ) {
    this.length = stats.ready + stats.delayed + stats.inFlight;
    this.bytes = stats.bytes;
  }

  /** A message is gone. */
  leave(bytes: number): void {
    this.length -= 1;
    this.bytes -= bytes;
  }

  /** A message as it is sent. @throws MessageTooLarge, OverBeforeDue, QueueFull */
  take(given: GivenMessage): NewMessage {
    const { maxMessageBytes, retentionMs, maxLength, maxBytes } = this.limits;
    const message = toNewMessage(given, maxMessageBytes);
    if (message instanceof Problem) throw message;
    if (message.delayMs >= retentionMs) throw new OverBeforeDue(retentionMs);
    this.length += 1;
    this.bytes += recordBytes(message.content);
    if (maxLength !== null && this.length > maxLength) throw new QueueFull(this.queue, 'maxLength', []);
    if (maxBytes !== null && this.bytes > maxBytes) throw new QueueFull(this.queue, 'maxBytes', []);
    return message;
  }
}

const NOTHING = { ready: 0, delayed: 0, inFlight: 0, bytes: 0 };
