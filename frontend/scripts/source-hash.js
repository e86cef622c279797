// What was built from what: the same sum is made in tests/frontend/test_built_files.py.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const built = join(root, '../portal/static/workbench')
const alone = ['package.json', 'package-lock.json', 'tsconfig.json', 'vite.config.ts']

function isSource(name) {
  return !name.endsWith('.spec.ts') && !name.startsWith('src/test/')
}

export function sourceHash() {
  const inside = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
  const sum = createHash('sha256')
  for (const name of [...alone, ...inside.filter(isSource)].sort()) {
    const content = createHash('sha256').update(readFileSync(join(root, name))).digest('hex')
    sum.update(`${name}\0${content}\n`)
  }
  return sum.digest('hex')
}

writeFileSync(join(built, '.source-hash'), sourceHash() + '\n')
