import { MAX_SCHEDULES, Problem, ValidationFailed } from '@syncline/contracts';

export class ScheduleNotFound extends Problem {
  constructor(name: string) {
    super('not-found', `There is no schedule ${name}. PUT it to make it.`);
  }
}

export class TooManySchedules extends Problem {
  constructor(queue: string) {
    super('queue-full', `${queue} has ${MAX_SCHEDULES} schedules already. Delete one that is not needed.`, {
      limit: 'schedules',
    });
  }
}

export class NoOccurrence extends ValidationFailed {
  constructor() {
    super([{ path: 'endAt', message: 'expected at least one occurrence from now on' }]);
  }
}
