import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  listSchedulesQuerySchema,
  nameSchema,
  type PutSchedule,
  putScheduleSchema,
  type Schedule,
  type ScheduleRun,
  type Schedules,
  scheduleRunSchema,
  scheduleSchema,
  schedulesSchema,
} from '@syncline/contracts';
import {
  ApiProblems,
  CalledBy,
  type Caller,
  Does,
  JUDGED_BY_HANDLER,
  MAX_BODY_BYTES,
  TakesUpTo,
} from '@syncline/http';
import { SchedulesService } from '@syncline/queues';
import type { z } from 'zod';

@ApiTags('schedules')
@Controller({ path: 'schedules', version: '1' })
export class SchedulesController {
  constructor(private readonly schedules: SchedulesService) {}

  @Get()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'List all schedules in the order of their names' })
  @ApiOkResponse({ standardSchema: schedulesSchema })
  listSchedules(
    @Query({ schema: listSchedulesQuerySchema }) query: z.infer<typeof listSchedulesQuerySchema>,
    @CalledBy() caller: Caller,
  ): Promise<Schedules> {
    return caller.page('schedules', query, ({ prefix, cursor, limit }) =>
      this.schedules.list(prefix, cursor ?? null, limit),
    );
  }

  @Put(':name')
  @Does('configure', ':name')
  @Does('produce', JUDGED_BY_HANDLER)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({
    summary: 'Make a schedule, or replace it: each occurrence sends one message to its queue',
    description:
      'The queue is made when there is none, and its schedules are removed with it. The same again changes nothing. With another queue it is removed from the former one and begins anew; with another `cron`, `everyMs`, `timeZone` or `startAt` its occurrences are counted from now; else it goes on.',
  })
  @ApiOkResponse({ standardSchema: scheduleSchema })
  @ApiProblems('queue-full', 'payload-too-large')
  async putSchedule(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: putScheduleSchema }) given: PutSchedule,
    @CalledBy() caller: Caller,
  ): Promise<Schedule> {
    caller.require('produce', [given.queue]);
    return this.schedules.put(name, given);
  }

  @Get(':name')
  @Does('read', ':name')
  @ApiOperation({ summary: 'Show a schedule, its next five occurrences and the five that were sent last' })
  @ApiOkResponse({ standardSchema: scheduleSchema })
  @ApiProblems('not-found')
  getSchedule(@Param('name', { schema: nameSchema }) name: string): Promise<Schedule> {
    return this.schedules.get(name);
  }

  @Delete(':name')
  @Does('configure', ':name')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a schedule; the messages that it has sent stay' })
  @ApiNoContentResponse({ description: 'It is gone' })
  @ApiProblems('not-found')
  deleteSchedule(@Param('name', { schema: nameSchema }) name: string): Promise<void> {
    return this.schedules.remove(name);
  }

  @Post(':name/run')
  @Does('configure', ':name')
  @Does('produce', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @ApiOperation({ summary: 'Send its message now, beside its occurrences, also when it is paused or over' })
  @ApiOkResponse({ standardSchema: scheduleRunSchema })
  @ApiProblems('not-found', 'queue-full')
  runSchedule(
    @Param('name', { schema: nameSchema }) name: string,
    @CalledBy() caller: Caller,
  ): Promise<ScheduleRun> {
    return this.schedules.run(name, (queue) => caller.require('produce', [queue]));
  }

  @Post(':name/pause')
  @Does('configure', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Pause a schedule: it sends nothing until it is resumed' })
  @ApiOkResponse({ standardSchema: scheduleSchema })
  @ApiProblems('not-found')
  pauseSchedule(@Param('name', { schema: nameSchema }) name: string): Promise<Schedule> {
    return this.schedules.pause(name, true);
  }

  @Post(':name/resume')
  @Does('configure', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Resume a schedule with its next occurrence from now on' })
  @ApiOkResponse({ standardSchema: scheduleSchema })
  @ApiProblems('not-found')
  resumeSchedule(@Param('name', { schema: nameSchema }) name: string): Promise<Schedule> {
    return this.schedules.pause(name, false);
  }
}
