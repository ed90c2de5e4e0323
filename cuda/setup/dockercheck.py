"""Does what Dockerfile.cuda says, but for Docker and root: in a temporary folder that stands for the containers' file systems.

The files that git lists are the context. What installs packages is left out, and told. Last, the image's program is run, with its
variables and the arguments given here. Ends with 1 if anything fails.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

NOT_HERE = "apt-get"
OURS = re.compile(r"(?<![\w./])/(?=(src|out|work)\b)")  # the containers' own folders, in commands


def instructions(path):
    """Yields (word, rest) of each instruction, with continued lines joined."""
    with open(path, encoding="utf-8") as f:
        text = "".join(line for line in f if not line.startswith("#"))
    for line in text.replace("\\\n", "").splitlines():
        if line.strip():
            word, rest = line.split(None, 1)
            yield word, rest.strip()


class Stage:
    """A stage's file system, below a folder, and what instructions have set."""

    def __init__(self, root):
        self.root, self.workdir, self.env, self.entrypoint = root, "/", {}, []

    def place(self, path):
        """Where a path of the container is here."""
        return os.path.join(self.root, os.path.join(self.workdir, path).lstrip("/"))

    def run(self, command):
        if NOT_HERE in command:
            print("-- left out:", command, flush=True)
            return
        print("--", command, flush=True)
        command = OURS.sub(self.root + "/", command)
        subprocess.run(["bash", "-euc", command], cwd=self.place(""), env={**os.environ, **self.env}, check=True)

    def copy(self, sources, target, place):
        """Copies files, or a folder's content, from where place says that they are."""
        os.makedirs(self.place(target), exist_ok=True)
        for source in map(place, sources):
            if os.path.isdir(source):
                shutil.copytree(source, self.place(target), dirs_exist_ok=True)
            else:
                shutil.copy(source, self.place(target))


def make_context(folder):
    """Copies the working tree's files, as git lists them: go.work and other results are not among them, as in .dockerignore."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if os.path.exists(name):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy(name, os.path.join(folder, name))


def build(path, folder):
    """Returns the last stage, with all that could be done."""
    make_context(os.path.join(folder, "context"))
    stages, stage = {}, None
    for word, rest in instructions(path):
        words = shlex.split(rest)
        if word == "FROM":
            stage = stages[words[-1]] = Stage(os.path.join(folder, f"stage{len(stages)}"))
            os.makedirs(stage.root)
        elif word == "WORKDIR":
            stage.workdir = rest
            os.makedirs(stage.place(""), exist_ok=True)
        elif word == "COPY":
            origin = re.fullmatch(r"--from=(\w+)", words[0])
            place = stages[origin[1]].place if origin else lambda name: os.path.join(folder, "context", name)
            stage.copy(words[1 if origin else 0 : -1], words[-1], place)
        elif word == "ENV":
            name, value = rest.split("=", 1)
            stage.env[name] = stage.place(value) if value.startswith("/") else value
        elif word == "RUN":
            stage.run(rest)
        elif word == "ENTRYPOINT":
            stage.entrypoint = re.findall(r'"([^"]*)"', rest)
        elif word != "USER":
            sys.exit(f"{path}: dockercheck.py does not know {word}")
    return stage


def main():
    with tempfile.TemporaryDirectory() as folder:
        image = build("Dockerfile.cuda", folder)
        program = [image.place("/usr/local/bin/" + image.entrypoint[0]), *image.entrypoint[1:], *sys.argv[1:]]
        print("--", *program, flush=True)
        subprocess.run(program, cwd=image.place(""), env={"HOME": folder, **image.env}, check=True)


main()
