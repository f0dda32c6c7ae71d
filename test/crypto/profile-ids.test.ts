import { createProfileIds } from '../../crypto/profile-ids.ts'

test('createProfileIds() makes uuid and username of the published vector', () => {
  expect(createProfileIds('12345', 'test')).toEqual({
    uuid: 'd0224f82-9d7b-595c-ad37-f56feebd751a',
    primaryUsername: 'r--0CJPgp17WVytN_Vv7r11Gg==',
  })
})

test('createProfileIds() makes other ids of another salt or another user id', () => {
  const all = [
    ['1', 'a'],
    ['2', 'a'],
    ['1', 'b'],
    ['1', 'ü'],
  ].map(([salt = '', userId = '']) => createProfileIds(salt, userId).uuid)
  expect(new Set(all).size).toBe(4)
  for (const uuid of all)
    expect(uuid).toMatch(/^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})
