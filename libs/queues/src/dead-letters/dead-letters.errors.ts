import { ValidationFailed } from '@syncline/contracts';

export class RedriveToItself extends ValidationFailed {
  constructor() {
    super([{ path: 'to', message: 'expected another queue than the one that is redriven' }]);
  }
}
