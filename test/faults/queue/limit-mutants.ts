import type { FaultSuite } from '../core/suite.js';
import * as limits from './limit-scenarios.js';
import { command, part } from './mutated.js';

/** Of what may be in flight, and whose turn it is. */
export const limitMutants: FaultSuite['mutants'] = [
  {
    name: 'a receive looks at no limit of what is in flight',
    file: command('receive'),
    find: ', allowed, room)',
    replace: ', allowed)',
    run: limits.noMoreInFlightThanAllowed.run,
  },
  {
    name: 'a send hands over beyond the limit of what is in flight',
    file: command('send'),
    find: 'Marks.has(Marks.FLIGHT_LIMIT) or ',
    replace: '',
    run: limits.noMoreInFlightThanAllowed.run,
  },
  {
    name: 'a group has room for as many as a receiver wants',
    file: part('group'),
    find: 'count = math.min(count, Group.limit() - Group.in_flight(group))',
    replace: '',
    run: limits.groupsKeepTheirLimit.run,
  },
  {
    name: 'a message that comes back is not in the line of its group',
    file: part('group'),
    find: "redis.call('ZADD', Queue.key('groups'), '0', Group.member(group, token))",
    replace: '',
    run: limits.groupsKeepTheirLimit.run,
  },
  {
    name: 'a limit that is lowered forgets what a group has in flight',
    file: part('group'),
    find: 'if Marks.has(Marks.GROUPS_MIXED) and not last and Group.in_flight(group) > 0 then return {} end',
    replace: '',
    run: limits.limitsChangeSafely.run,
  },
  {
    name: 'a limit that is lowered loses what comes back',
    file: command('configure'),
    find: 'Marks.add(Marks.GROUPS_MIXED)',
    replace: '',
    run: limits.limitsChangeSafely.run,
  },
  {
    name: 'what is in flight when a limit is raised is handed out again',
    file: part('group'),
    find: 'if is_delayed(token) or is_in_flight(token) then',
    replace: 'if is_delayed(token) then',
    run: limits.limitsChangeSafely.run,
  },
  {
    name: 'one that was idle has saved its turns up',
    file: part('turns'),
    find: 'math.max(base_of(p) + turn_of(p),',
    replace: 'math.max(base_of(p),',
    run: limits.groupsTakeTurns.run,
  },
  {
    name: 'a turn that was served is not over',
    file: part('turns'),
    find: "redis.call('ZADD', served, 'GT', int(rank + 1), p .. flow)",
    replace: "redis.call('ZADD', served, 'GT', int(rank), p .. flow)",
    run: limits.groupsTakeTurns.run,
  },
  {
    name: 'a group that takes turns is offered while its batch is in flight',
    file: part('group'),
    find: 'return Turns.are_taken() and withdraw(group) or 0 end',
    replace: 'return 0 end',
    run: limits.groupsTakeTurns.run,
  },
];
