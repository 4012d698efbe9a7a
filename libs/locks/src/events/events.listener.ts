import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Watches } from './watches.js';

/** Something happened to a lock that is watched, perhaps here. Lost hints are made up for by the next reading. */
@Controller()
export class EventsListener {
  constructor(private readonly watches: Watches) {}

  @EventPattern('lock.event')
  onEvent(@Payload() { key }: { key: string }): void {
    this.watches.onChange(key);
  }
}
