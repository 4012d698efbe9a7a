import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type DeletedMessages,
  type DeleteMessages,
  deletedMessagesSchema,
  deleteMessagesSchema,
  type Found,
  foundSchema,
  nameSchema,
  type Search,
  searchSchema,
} from '@syncline/contracts';
import { ApiProblems, Does, MAX_BODY_BYTES, TakesUpTo } from '@syncline/http';
import { SearchService } from '@syncline/queues';

@ApiTags('messages')
@Controller({ path: 'queues/:queue/messages', version: '1' })
export class SearchController {
  constructor(private readonly search: SearchService) {}

  @Post('search')
  @HttpCode(200)
  @Does('read', ':queue')
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Search messages by what they have; one call examines 5,000 at most' })
  @ApiOkResponse({ standardSchema: foundSchema })
  @ApiProblems('not-found')
  searchMessages(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: searchSchema }) body: Search,
  ): Promise<Found> {
    return this.search.search(queue, body);
  }

  @Post('delete')
  @HttpCode(200)
  @Does('purge', ':queue')
  @TakesUpTo(MAX_BODY_BYTES)
  @ApiOperation({ summary: 'Delete messages by their ids or by what they have, in flight too' })
  @ApiOkResponse({ standardSchema: deletedMessagesSchema })
  @ApiProblems('not-found')
  deleteMessages(
    @Param('queue', { schema: nameSchema }) queue: string,
    @Body({ schema: deleteMessagesSchema }) body: DeleteMessages,
  ): Promise<DeletedMessages> {
    return this.search.delete(queue, body);
  }
}
