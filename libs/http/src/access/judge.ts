import { type Action, withoutRealm } from '@syncline/contracts';
import { setDeeds } from '../trail/trail.js';
import { type Caller, setCaller } from './caller.js';
import { NO_NAME } from './does.decorator.js';

interface Asked {
  params: Readonly<Record<string, string>>;
}

/**
 * Judges a call whose handler is open, because it learns by itself who calls and what the call does.
 *
 * @param name empty when the handler judges the names by itself
 * @throws Problem `forbidden`, `rate-limited`
 */
export function judge(request: object, caller: Caller, action: Action, name: string): void {
  setDeeds(request, [{ action, to: name === '' ? NO_NAME : ':name' }]);
  if (name !== '') (request as Asked).params = { name: withoutRealm(name) };
  setCaller(request, caller);
  caller.usage.countRequest();
  if (!caller.mayToSome(action)) throw caller.refusal(action);
  if (name !== '') caller.require(action, [name]);
}
