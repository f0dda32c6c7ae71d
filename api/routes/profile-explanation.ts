import { explainAttributes } from '../../core/profile/explain.ts'
import { listSinkRecords, listTouches } from '../../db/profile/history.ts'
import { defineRoute } from '../guard.ts'
import { toReader } from '../policies/profile.ts'
import {
  explanationExample,
  explanationSchema,
  presentExplanation,
} from '../presenters/profile-explanation.ts'
import { presentProfile } from '../presenters/profile.ts'
import { getPerson, personParams } from './profile-history.ts'

/** `GET /v1/profiles/{profileId}/explain`: who won each attribute, and what every sink has. */
export const explainProfile = defineRoute(
  {
    method: 'GET',
    path: '/v1/profiles/{profileId}/explain',
    operationId: 'explainProfile',
    summary: 'Says why a record is as it is, here and at every sink',
    description:
      'For each attribute that is set and that the token may see: which publisher and which rule ' +
      'won, and since when. For each sink: which version is there, and why. Never a value.',
    tags: ['profiles'],
    auth: { anyScope: ['change:read'] },
    params: personParams,
    responses: {
      200: {
        description: 'The explanation',
        schema: explanationSchema,
        example: explanationExample,
      },
    },
    errors: { 404: 'There is no such person' },
  },
  async ({ principal, params }, { db }) => {
    const person = await getPerson(db, params.profileId)
    const [touches, sinks] = [await listTouches(db, person.id), await listSinkRecords(db, person)]
    const visible = presentProfile(person.document, toReader(principal))
    const attributes = explainAttributes(visible, touches)
    return { status: 200, body: presentExplanation({ person, attributes, sinks }) }
  },
)
