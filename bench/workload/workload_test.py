#!/usr/bin/env python3
"""The workload program does the same in two places, tells all that its reader needs, and notices
when it cannot work."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)


def run(job: str, directory: pathlib.Path):
    (directory / "job").write_text(job)
    # Nobody's clock is looked at here: every line that it waits for is there already.
    return subprocess.run([PROGRAM, directory / "job"], input="\n" * 1000, text=True, timeout=120,
                          capture_output=True, check=False)


class WorkloadTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name)
        for name in ("one", "two"):
            (self.directory / name).mkdir()
        repository = self.directory / "repository"
        repository.mkdir()
        (repository / "file").write_text("tracked\n")
        git = ["git", "-C", repository, "-c", "user.name=n", "-c", "user.email=n@n"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
            subprocess.run([*git, *words], check=True)
        subprocess.run(["tar", "-c", "-f", self.directory / "archive.tar", "-C", self.directory,
                        "repository"], check=True)
        self.job = (f"files 16\nbulk {1 << 20}\naccesses 8\narchive {self.directory}/archive.tar\n"
                    f"place one {self.directory}/one\nplace two {self.directory}/two\n")

    def test_two_places_agree_in_every_step(self):
        done = run(self.job, self.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual(lines[-1], ["@end"])
        sums = {}
        for words in lines:
            if words[0].startswith("@sum "):
                sums.setdefault(words[0][5:], {})[words[1]] = words[2:]
        self.assertGreater(len(sums), 20)
        for step, by_place in sums.items():
            self.assertEqual(by_place["one"], by_place["two"], step)
        for step, operations in (("create", "17"), ("open+close", "16"), ("rename x2", "18"),
                                 ("write 128k", "1"), ("git status warm", "1")):
            self.assertEqual(sums[step]["one"][0], operations, step)
        timed = [words for words in lines if words[0].startswith("@done ")]
        self.assertEqual({words[0][6:] for words in timed}, set(sums))
        self.assertTrue(all(int(words[3]) > 0 for words in timed))
        operations = {words[0][6:]: words[2] for words in timed}
        for step, count in (("rename", "32"), ("write 128k", "8"), ("random write 4k", "8")):
            self.assertEqual(operations[step], count, step)

    def test_only_what_is_named_is_done_and_what_that_needs(self):
        done = run(self.job + "only read warm\nonly unlink\n", self.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        timed = [line.split("\t")[0] for line in done.stdout.splitlines() if line.startswith("@done ")]
        self.assertEqual(timed[::2], ["@done create", "@done read warm", "@done unlink", "@done rm -rf"])

    def test_a_script_is_prepared_done_and_checked(self):
        script = self.directory / "script"
        script.write_text('echo "$1 $2" >>"$2/../told"; test "$1" != check || cat "$2/../same"\n')
        for place in ("one", "two"):
            (self.directory / place / "same").write_text(place)
        done = run(self.job + f"only unlink\nscript trial {script}\n", self.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        sums = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("@sum trial")]
        self.assertEqual([words[2] for words in sums], ["3", "3"])
        self.assertNotEqual(sums[0][3], sums[1][3])
        told = (self.directory / "two" / "told").read_text().splitlines()
        self.assertEqual(told, [f"{what} {self.directory}/two/s0" for what in ("prepare", "work", "check")])

    def test_a_script_that_fails_ends_all(self):
        script = self.directory / "script"
        script.write_text('test "$1" = prepare\n')
        done = run(self.job + f"script trial {script}\n", self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("@fail run /bin/sh", done.stdout)

    def test_nothing_is_left_behind_but_the_directories_of_processes(self):
        run(self.job, self.directory)
        left = [path for path in (self.directory / "one").rglob("*")]
        self.assertEqual(sorted(path.name for path in left),
                         ["b0", *(f"c{at}" for at in range(8)), "e0", "m0", "m1", "p0", "q0", "q1",
                          *(f"r{at}" for at in range(8)), "t0", "u0"])

    def test_a_place_where_it_cannot_work_is_told(self):
        (self.directory / "one" / "p0").write_text("in the way")
        done = run(self.job, self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("@fail ", done.stdout)

    def test_a_job_that_makes_no_sense_is_told(self):
        done = run("files many\n", self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("@fail understand files many", done.stdout)


if __name__ == "__main__":
    unittest.main()
