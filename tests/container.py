#!/usr/bin/python3
"""Builds and runs what systemd/container describes, where no engine of containers is: for tests/containers.

    container.py build COMPOSE SERVICE ROOT          does in ROOT what the service's Containerfile says
    container.py run COMPOSE SERVICE ROOT VOLUMES    becomes the service; its namespaces are there already
    container.py health COMPOSE SERVICE ROOT         becomes its health check, in the container's namespaces
    container.py exec COMPOSE SERVICE ROOT USER WORD...   becomes a program in it, likewise, as this uid:gid

A container's process has no capability, cannot gain any, and calls what Docker's default profile allows
(docker-seccomp.json). Run by root with Debian's python3, python3-seccomp and python3-yaml.
"""

import ctypes
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import seccomp
import yaml

PROFILE = Path(__file__).resolve().parent / "docker-seccomp.json"
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38
COMPARE = {"not": seccomp.NE, "equal": seccomp.EQ}


def service_of(compose, name):
    """A service as the compose file has it, with its variables' defaults."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", Path(compose).read_text())
    return yaml.safe_load(text)["services"][name]


class Image:
    """What a Containerfile says of the image, beside its files."""

    def __init__(self, compose, service):
        build = service["build"]
        self.context = (Path(compose).parent / build["context"]).resolve()
        text = (self.context / build["dockerfile"]).read_text()
        lines = re.sub(r"\\\n", " ", text).splitlines()
        self.steps = [line.split(None, 1) for line in lines if line and not line.startswith("#")]

    def said(self, word, otherwise=None):
        found = [rest for step, rest in self.steps if step == word]
        return found[-1] if found else otherwise

    def build(self, root):
        for step, rest in self.steps:
            if step == "COPY":
                self.copy(root, shlex.split(rest))
            elif step == "RUN":
                print(f"not run, the root has what it needs: {rest}")
            elif step not in ("FROM", "USER", "VOLUME", "ENTRYPOINT", "HEALTHCHECK"):
                sys.exit(f"container.py: {step} is not known here")

    def copy(self, root, words):
        options = dict(word.lstrip("-").split("=") for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        to = Path(root) / target.lstrip("/")
        for source in sources:
            path = self.context / source
            if path.is_dir():
                shutil.copytree(path, to, dirs_exist_ok=True)
                copied = [to, *to.rglob("*")]
            else:
                to.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)
                copied = [to / path.name]
            uid, gid = map(int, options.get("chown", "0:0").split(":"))
            for one in copied:
                os.chown(one, uid, gid)
                if "chmod" in options:
                    one.chmod(int(options["chmod"], 8))


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def prepare(service, root, volumes):
    """Mounts what the container sees. A volume that is empty begins as a copy of the image's directory."""
    mount("--bind", root, root)
    for volume in service["volumes"]:
        name, place = volume.split(":")
        inside, outside = Path(root, place.lstrip("/")), Path(volumes, name)
        inside.mkdir(parents=True, exist_ok=True)
        if not outside.exists():
            subprocess.run(["cp", "--archive", inside, outside], check=True)
        mount("--bind", str(outside), str(inside))
    for place in ("proc", "tmp", "dev"):
        Path(root, place).mkdir(exist_ok=True)
    mount("--types", "proc", "--options", "nosuid,nodev,noexec", "proc", f"{root}/proc")
    for place in ("dev/null", "dev/urandom", "dev/random", "dev/zero"):
        Path(root, place).touch()
        mount("--bind", f"/{place}", f"{root}/{place}")
    if service.get("read_only"):
        mount("--options", "remount,bind,ro", root)
    else:
        mount("--types", "tmpfs", "--options", "mode=1777", "tmpfs", f"{root}/tmp")


def confine(root, uid, gid):
    """From here on this process is the container's."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.chroot(root)
    os.chdir("/")
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("container.py: new privileges cannot be refused")
    FILTER.load()


def profile():
    said = json.loads(PROFILE.read_text())
    made = seccomp.SyscallFilter(seccomp.ERRNO(said["refused"]))
    rules = [(name, []) for name in said["allowed"]]
    for rule in said["with_arguments"]:
        number, value = rule["argument"], rule["value"]
        if rule["is"] == "none_of_bits":
            compared = seccomp.Arg(number, seccomp.MASKED_EQ, value, 0)
        else:
            compared = seccomp.Arg(number, COMPARE[rule["is"]], value)
        rules.append((rule["name"], [compared]))
    for name, compared in rules:
        made.add_rule(seccomp.ALLOW, name, *compared)
    for name, error in said["other_errors"].items():
        made.add_rule(seccomp.ERRNO(error), name)
    return made


FILTER = profile()


def main(what, compose, name, root, *rest):
    service = service_of(compose, name)
    image = Image(compose, service)
    if what == "build":
        return image.build(root)
    if what == "run":
        prepare(service, root, rest[0])
        words = json.loads(image.said("ENTRYPOINT", "[]")) + service.get("command", []) + list(rest[1:])
    elif what == "health":
        words = json.loads(image.said("HEALTHCHECK").partition("CMD ")[2])
    else:
        words = list(rest[1:])
    # What runs as nobody in particular is ZNC's: its image has these.
    user = rest[0] if what == "exec" else service.get("user", "100:101")
    uid, gid = map(int, user.split(":"))
    confine(root, uid, gid)
    os.execve(words[0], words, {"PATH": "/usr/bin:/bin", "HOME": "/", "DATADIR": "/znc-data"})


main(*sys.argv[1:])
