"""Runs programs so that none can hang the check, whatever a card or its driver does."""

import os
import signal
import subprocess
import tempfile
import time


class Failed(Exception):
    """Something did not hold, or could not be done, for the reason that the message gives."""


class Incomplete(Failed):
    """Some of a section is missing. The message is the rest of it and the reason, in Markdown."""


class Runner:
    """Runs programs one after the other, in an environment, until its time is over."""

    def __init__(self, environment, seconds):
        self.environment = environment
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()

    def run(self, command, limit):
        """Returns what the program writes to its standard output. Failed has the end of all that it wrote."""
        out, why = self.attempt(command, limit)
        if why:
            raise Failed(why)
        return out

    def attempt(self, command, limit):
        """Returns what the program writes to its standard output, until it was stopped at the latest, and how it failed or None.

        Its output goes to files: a program that hangs in the driver may not die of a signal, and would keep a pipe open.
        """
        command = [str(word) for word in command]
        name = " ".join(os.path.basename(word) for word in command[:2])
        limit = min(limit, self.left())
        if limit <= 0:
            return "", f"{name}: no time was left for it"
        with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self.environment, start_new_session=True
                )
            except OSError as error:
                return "", f"{name}: {error}"
            why = None
            try:
                code = process.wait(limit)
                if code:
                    why = f"{name}: exit code {code}" if code > 0 else f"{name}: killed by {signal.Signals(-code).name}"
            except subprocess.TimeoutExpired:
                why = f"{name}: stopped after {limit:.0f} s"
            finally:
                stop(process)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read())
            if why:
                why += "\n" + "\n".join(tail(text) for text in texts if text.strip())
            return texts[0], why


def stop(process):
    """Kills the program and all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all have ended
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass  # it hangs in the driver, where no signal reaches it


def tail(text, lines=25):
    return "\n".join(text.rstrip().splitlines()[-lines:])
