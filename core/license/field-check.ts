import { isCalendarDate } from '../calendar-date.ts'
import { isEmailAddress } from './email-address.ts'
import type { FieldRule } from './fields.ts'
import {
  controlCharacter,
  notAChoice,
  notADate,
  notAnEmail,
  notAString,
  patternMismatch,
  wrongLength,
  type FieldMessage,
} from './messages.ts'

/** Judges a trimmed text: undefined when it is good, else all that is wrong with it. */
export type FieldCheck = (text: string) => readonly FieldMessage[] | undefined

const beyondPrintableAscii = /[^\x20-\x7e]/
const controlCharacters = /\p{Cc}/u
const loneSurrogates = /\p{Cs}/u

/** The check of a rule, with everything prepared that does not depend on the text. */
export function createFieldCheck(rule: FieldRule): FieldCheck {
  switch (rule.kind) {
    case 'pattern':
      return acceptWhen((text) => rule.pattern.test(text), patternMismatch)
    case 'choice':
      return createChoiceCheck(rule.choices)
    case 'date':
      return acceptWhen(isCalendarDate, notADate)
    case 'length':
      return createLengthCheck(rule)
    case 'email':
      return createEmailCheck(rule)
    default:
      return rule satisfies never
  }
}

/** What is said of a value that is not a text where the rule wants one. */
export function wrongTypeOf(rule: FieldRule): FieldMessage {
  return rule.kind === 'date' ? notADate : notAString
}

/** The number of code points of a text. */
export function countCodePoints(text: string): number {
  let count = text.length
  for (let index = 1; index < text.length; index += 1) {
    if (isLow(text.charCodeAt(index)) && isHigh(text.charCodeAt(index - 1))) count -= 1
  }
  return count
}

/** True when the text has a character of the category Cc. */
export function hasControlCharacter(text: string): boolean {
  return controlCharacters.test(text)
}

/** False when half of a surrogate pair stands alone, which no encoding can keep. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogates.test(text)
}

function acceptWhen(isGood: (text: string) => boolean, fault: FieldMessage): FieldCheck {
  const faults = [fault]
  return (text) => (isGood(text) ? undefined : faults)
}

function createChoiceCheck(choices: readonly string[]): FieldCheck {
  const known = new Set(choices)
  return acceptWhen((text) => known.has(text), notAChoice(choices))
}

function createLengthCheck(rule: Extract<FieldRule, { kind: 'length' }>): FieldCheck {
  const { min, max, or } = rule
  const lengthFault = wrongLength(min, max)
  return (text) => {
    const isPlain = !beyondPrintableAscii.test(text)
    if (isPlain && text.length >= min && text.length <= max) return undefined
    if (!isPlain && !isWellFormed(text)) return [notAString]
    const faults: FieldMessage[] = []
    if (!isPlain && hasControlCharacter(text)) faults.push(controlCharacter)
    const length = isPlain ? text.length : countCodePoints(text)
    if ((length < min || length > max) && or?.test(text) !== true) faults.push(lengthFault)
    return faults.length === 0 ? undefined : faults
  }
}

function createEmailCheck(rule: Extract<FieldRule, { kind: 'email' }>): FieldCheck {
  const lengthFault = wrongLength(rule.min, rule.max)
  return (text) => {
    const length = countCodePoints(text)
    const isLengthGood = length >= rule.min && length <= rule.max
    const isAddress = isEmailAddress(text)
    if (isLengthGood && isAddress) return undefined
    return [...(isAddress ? [] : [notAnEmail]), ...(isLengthGood ? [] : [lengthFault])]
  }
}

function isHigh(code: number): boolean {
  return (code & 0xfc00) === 0xd800
}

function isLow(code: number): boolean {
  return (code & 0xfc00) === 0xdc00
}
