import type { FaultSuite } from '../core/suite.js';
import * as chains from './chain-scenarios.js';
import { command, ENGINE } from './mutated.js';

/** Of what acks send. */
export const chainMutants: FaultSuite['mutants'] = [
  {
    name: 'an ack that is repeated sends its messages again',
    file: command('acknowledge'),
    find: '  local gone, level, due =',
    replace:
      '  if sends and n == 0 then Outbox.send(ARGV[#ARGV - 1], ARGV[#ARGV]) Queue.save() end\n  local gone, level, due =',
    run: chains.repeatedAcksSendOnce.run,
  },
  {
    name: 'what an ack sends is brought away by its node alone',
    file: `${ENGINE}/timers/due-timers.js`,
    find: '                this.emptyOutbox(queue, reply.outboxLength),\n',
    replace: '',
    run: chains.chainsOutliveTheirNode.run,
  },
  {
    name: 'what an ack sends is given up before it has arrived',
    file: `${ENGINE}/dead-letters/outbox.js`,
    find: 'await this.adopt(first.to, queue, batch);',
    replace: 'void this.adopt(first.to, queue, batch).catch(() => undefined);',
    run: chains.chainsOutliveTheirNode.run,
  },
];
