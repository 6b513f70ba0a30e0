/** The test runner: one project per category of scripts/categories.ts. */
import { defineConfig } from "vitest/config";
import { categories } from "./scripts/categories.ts";

// Sources of sibling packages are read directly: nothing needs to be built before a test runs. Vitest needs the
// condition under `ssr` too.
const conditions = ["@holdfast/source"];

export default defineConfig({
  test: {
    globalSetup: ["scripts/vitest-setup.ts"],
    projects: categories.map(({ name, include, exclude = [], timeoutMs }) => ({
      ssr: { resolve: { conditions } },
      resolve: { conditions },
      test: {
        name,
        include: [...include],
        exclude: ["**/node_modules/**", ...exclude],
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        pool: "forks" as const,
      },
    })),
  },
});
