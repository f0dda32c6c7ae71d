import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { withAttributes, type Attribute, type PublisherName } from '../core/profile/document.ts'
import type { LeafPath } from '../core/profile/attributes.ts'
import { createAttribute, type AttributeContent } from '../core/profile/null-profile.ts'
import { signAttribute, type AttributeSigner } from '../crypto/profile-signature.ts'
import { createPublishers, type Publishers, type PublishersDocument } from '../crypto/publishers.ts'
import type { Stack } from './stack.ts'

/** A publisher that signs and posts changes to a stack. */
export type BenchPublisher = {
  readonly publishers: Publishers
  readonly signer: AttributeSigner
  /** A document of signed attributes, as old as `at`: now unless said. */
  readonly sign: (
    contents: Readonly<Record<LeafPath, AttributeContent>>,
    at?: Date,
  ) => Promise<string>
  /** Posts a document and answers its serial. */
  readonly post: (userId: string, body: string) => Promise<number>
}

/** Opens a publisher with the keys that the stack has made for itself. */
export async function openPublisher(stack: Stack, name: PublisherName): Promise<BenchPublisher> {
  const token = await stack.token('write', { publisher: name })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const publishers = createPublishers(await readPublishers(stack))
  const signer = publishers.findSigner(name, new Date())
  if (!signer) throw new Error(`Cannot sign for ${name}: the stack has no key of it`)
  return {
    publishers,
    signer,
    async sign(contents, at = new Date()) {
      const now = at.toISOString()
      const entries = Object.entries(contents).map(
        async ([path, content]): Promise<[LeafPath, Attribute]> => {
          const metadata = { created: now, last_modified: now }
          return [path, await signAttribute(createAttribute(path, content, { metadata }), signer)]
        },
      )
      return JSON.stringify(withAttributes({}, new Map(await Promise.all(entries))))
    },
    async post(userId, body) {
      const url = `${stack.apiUrl}/v2/user?user_id=${encodeURIComponent(userId)}`
      const answer = await fetch(url, { method: 'POST', headers, body })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`Cannot post a change: ${answer.status} ${text}`)
      const { sequence_number } = JSON.parse(text) as { sequence_number: number } // by its schema
      return sequence_number
    },
  }
}

// Made when somebody first asks for it.
async function readPublishers(stack: Stack): Promise<PublishersDocument> {
  const file = join(stack.dataDir, 'publishers.json')
  for (;;) {
    await fetch(`${stack.apiUrl}/.well-known/mozilla-iam`)
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) return JSON.parse(text) as PublishersDocument // written by the stack
    await delay(100)
  }
}
