import { fuzzEveryRoute } from '../support/api-fuzz.ts'

fuzzEveryRoute(10)
