import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AcquireSet,
  acquireSetSchema,
  type LeaseSet,
  leaseSetSchema,
  type Released,
  type ReleaseSet,
  type RenewSet,
  releasedSchema,
  releaseSetSchema,
  renewSetSchema,
} from '@syncline/contracts';
import { ApiProblems, CalledBy, type Caller, Disconnect, Does, JUDGED_BY_HANDLER } from '@syncline/http';
import { LocksService } from '@syncline/locks';
import { type DisconnectSignal } from '@syncline/runtime';

/** Several locks at once, all or none. */
@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class SetsController {
  constructor(private readonly locks: LocksService) {}

  @Post('acquire')
  @Does('lock', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @ApiOperation({ summary: 'Acquire several locks at once, all or none' })
  @ApiOkResponse({ standardSchema: leaseSetSchema })
  @ApiProblems('cross-slot', 'lock-held', 'wait-timeout', 'deadlock', 'lease-lost')
  acquireSet(
    @Body({ schema: acquireSetSchema }) body: AcquireSet,
    @Disconnect() disconnect: DisconnectSignal,
    @CalledBy() caller: Caller,
  ): Promise<LeaseSet> {
    caller.require(
      'lock',
      body.locks.map(({ name }) => name),
    );
    return this.locks.acquireSet(body, disconnect);
  }

  @Post('renew')
  @Does('lock', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @ApiOperation({ summary: 'Renew several leases, all or none' })
  @ApiOkResponse({ standardSchema: leaseSetSchema })
  @ApiProblems('cross-slot', 'lease-lost')
  renewSet(@Body({ schema: renewSetSchema }) body: RenewSet, @CalledBy() caller: Caller): Promise<LeaseSet> {
    caller.require('lock', body.names);
    return this.locks.renewSet(body);
  }

  @Post('release')
  @Does('lock', JUDGED_BY_HANDLER)
  @HttpCode(200)
  @ApiOperation({ summary: 'Release several leases' })
  @ApiOkResponse({ standardSchema: releasedSchema })
  @ApiProblems('cross-slot', 'lease-lost')
  releaseSet(
    @Body({ schema: releaseSetSchema }) body: ReleaseSet,
    @CalledBy() caller: Caller,
  ): Promise<Released> {
    caller.require('lock', body.names);
    return this.locks.releaseSet(body);
  }
}
