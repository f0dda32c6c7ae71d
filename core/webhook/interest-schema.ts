import { z } from 'zod'
import { attributeGroups, leafPaths } from '../profile/attributes.ts'
import { eventTypes, isEventPattern, toEventPattern } from './events.ts'

const attributeNames: readonly string[] = [...attributeGroups, ...leafPaths]

/** `create`, `update`, `delete`, a type of event, or the beginning of one and `.*`. */
export const eventPattern = z
  .string()
  .refine(
    (text) => isEventPattern(toEventPattern(text)),
    `must be create, update, delete, one of ${eventTypes.join(', ')}, or a pattern such as license.*`,
  )

/** The dotted name of an attribute of persons, or of a group of them. */
export const attributeName = z
  .string()
  .refine((name) => attributeNames.includes(name), 'must be the name of an attribute')
