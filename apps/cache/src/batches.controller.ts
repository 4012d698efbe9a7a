import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { BatchesService } from '@syncline/caches';
import {
  type DeletedEntries,
  deletedEntriesSchema,
  type KeysBody,
  keysBodySchema,
  type NewEntries,
  nameSchema,
  newEntriesSchema,
  type ReadBody,
  type ReadEntries,
  readBodySchema,
  readEntriesSchema,
  type WrittenEntries,
  writtenEntriesSchema,
} from '@syncline/contracts';
import { ApiProblems, Does, MAX_BODY_BYTES, TakesUpTo } from '@syncline/http';

const JUDGED =
  'Each is judged by itself: one that is refused has its HTTP `status` and its `problem` in its place.';

/** Many entries in one call. */
@ApiTags('caches')
@Controller({ path: 'caches/:cache', version: '1' })
export class BatchesController {
  constructor(private readonly batches: BatchesService) {}

  @Post('mget')
  @Does('read', ':cache')
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({
    summary: 'Read many entries in one round',
    description: `${JUDGED} An answer has at most 8 MiB: \`truncated\` names the keys whose entries did not fit.`,
  })
  @ApiOkResponse({ standardSchema: readEntriesSchema })
  mget(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: readBodySchema }) body: ReadBody,
  ): Promise<ReadEntries> {
    return this.batches.read(cache, body);
  }

  @Post('mset')
  @Does('write', ':cache')
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Store many entries in one round', description: JUDGED })
  @ApiOkResponse({ standardSchema: writtenEntriesSchema })
  @ApiProblems('payload-too-large')
  mset(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: newEntriesSchema }) body: NewEntries,
  ): Promise<WrittenEntries> {
    return this.batches.write(cache, body);
  }

  @Post('mdelete')
  @Does('write', ':cache')
  @HttpCode(200)
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Remove many entries in one round', description: JUDGED })
  @ApiOkResponse({ standardSchema: deletedEntriesSchema })
  mdelete(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Body({ schema: keysBodySchema }) body: KeysBody,
  ): Promise<DeletedEntries> {
    return this.batches.delete(cache, body);
  }
}
