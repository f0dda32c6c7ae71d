import { createBatchedRead } from '../../api/batched-read.ts'

test('reads of one turn share a query, and each gets its own value', async () => {
  const asked: (readonly string[])[] = []
  const read = createBatchedRead(async (keys) => {
    asked.push(keys)
    return await Promise.resolve(new Map(keys.map((key) => [key, `value of ${key}`])))
  })
  expect(await Promise.all(['a', 'b', 'a'].map(read))).toEqual(
    ['a', 'b', 'a'].map((key) => `value of ${key}`),
  )
  expect(await read('c')).toBe('value of c')
  expect(asked).toEqual([['a', 'b'], ['c']])
})

test('a read that comes while a query runs has a query of its own', async () => {
  const answers: (() => void)[] = []
  const read = createBatchedRead(async (keys) => {
    await new Promise<void>((resolve) => {
      answers.push(resolve)
    })
    return new Map(keys.map((key) => [key, answers.length]))
  })
  const turn = async (): Promise<unknown> => await new Promise((resolve) => setImmediate(resolve))
  const first = read('a')
  await turn()
  const second = read('a')
  await turn()
  expect(answers).toHaveLength(2)
  for (const answer of answers) answer()
  expect(await Promise.all([first, second])).toEqual([2, 2])
})

test('a query that fails fails its own reads only', async () => {
  let fails = true
  const read = createBatchedRead<string>(async () => {
    if (fails) throw new Error('away')
    return await Promise.resolve(new Map([['a', 'there']]))
  })
  const results = await Promise.allSettled([read('a'), read('b')])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  fails = false
  expect(await read('a')).toBe('there')
  expect(await read('b')).toBeUndefined()
})
