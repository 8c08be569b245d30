# What this node has for OpenStack, as one JSON document without secrets. Read as the agents read it: by their interpreter and PyYAML.
# Arguments: names of clouds.
import importlib
import json
import os
import stat
import sys

MODULES = ("yaml", "novaclient.client", "keystoneauth1.loading", "keystoneclient.session", "openstack")
# The order of fence_openstack and of the openstack-* agents.
PLACES = ("~root/.config/openstack/clouds.yaml", "/etc/openstack/clouds.yaml")


def import_error(name):
    try:
        importlib.import_module(name)
    except Exception as error:
        return str(error) or type(error).__name__


def entry(cloud):
    if not isinstance(cloud, dict):
        return {"malformed": True}
    auth = cloud.get("auth")
    auth = auth if isinstance(auth, dict) else {}
    shown = {key: cloud.get(key) for key in ("verify", "cacert", "auth_type")}
    return {**shown, "auth": [str(name) for name in auth if auth[name] not in (None, "")]}


def clouds_yaml(names):
    path = next(filter(os.path.exists, map(os.path.expanduser, PLACES)), None)
    if path is None:
        return None
    status = os.stat(path)
    facts = {"path": path, "uid": status.st_uid, "mode": stat.S_IMODE(status.st_mode)}
    try:
        import yaml

        with open(path, encoding="utf-8") as stream:
            document = yaml.safe_load(stream)
    except ImportError:
        return facts
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return {**facts, "error": {"line": mark.line + 1, "column": mark.column + 1, "problem": error.problem}}
    except (OSError, ValueError, yaml.YAMLError) as error:
        return {**facts, "error": {"line": 1, "column": 1, "problem": str(error)}}
    clouds = document.get("clouds") if isinstance(document, dict) else None
    if not isinstance(clouds, dict):
        return {**facts, "error": {"line": 1, "column": 1, "problem": "no mapping named clouds"}}
    known = [str(name) for name in clouds]
    return {**facts, "known": known, "clouds": {name: entry(clouds[name]) for name in names if name in clouds}}


json.dump({"missing": {name: import_error(name) for name in MODULES}, "clouds_yaml": clouds_yaml(sys.argv[1:])}, sys.stdout)
