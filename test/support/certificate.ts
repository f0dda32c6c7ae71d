import { generate } from 'selfsigned'

export type TestCertificate = { readonly cert: string; readonly key: string }

/** A certificate for these host names that nobody signed but itself, as PEM. */
export async function createCertificate(...hosts: readonly string[]): Promise<TestCertificate> {
  const altNames = hosts.map((value) => ({ type: 2 as const, value }))
  const { cert, private: key } = await generate([{ name: 'commonName', value: hosts[0] }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames }],
  })
  return { cert, key }
}
