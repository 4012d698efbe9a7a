import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { RoleEvents } from './role-events.js';

/** Events of the role were written down. Lost hints are made up for by the next reading. */
@Controller()
export class EventsListener {
  constructor(private readonly events: RoleEvents) {}

  @EventPattern('events.appended')
  onAppended(_hint: unknown): void {
    this.events.onAppended();
  }
}
