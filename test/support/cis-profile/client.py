"""
A publisher and relying party made of Mozilla's `cis_profile` as PyPI has it. Reads on stdin what it
needs (`CisTask` in cis-profile.ts), works through one person's life, writes on stdout what it saw as JSON.
"""

import copy
import json
import sys
from urllib.parse import quote

import cis_profile.exceptions
import jsonschema
import requests
from cis_profile import FakeUser, User, WellKnown
from cis_profile.fake_profile import FakeProfileConfig

task = json.load(sys.stdin)
GROUPS = ["identities", "access_information", "staff_information"]
CLASSIFICATIONS = {
    "classification:mozilla_confidential": "MOZILLA CONFIDENTIAL",
    "classification:workgroup": "WORKGROUP CONFIDENTIAL",
    "classification:workgroup:staff_only": "WORKGROUP CONFIDENTIAL: STAFF ONLY",
    "classification:individual": "INDIVIDUAL CONFIDENTIAL",
}

# The library caches what it discovers in one file for the machine, for ever; nothing else is changed.
original_init = WellKnown.__init__


def init_with_own_cache(self, *args, **kwargs):
    original_init(self, *args, **kwargs)
    self._request_cache = task["cache"]


WellKnown.__init__ = init_with_own_cache

well_known = WellKnown(task["discoveryUrl"])
endpoints = well_known.get_well_known()["api"]["endpoints"]
rules = well_known.get_publisher_rules()


def headers(token):
    return {"authorization": "Bearer " + task["tokens"][token], "content-type": "application/json"}


def post(publisher, text):
    url = endpoints["change"] + "/v2/user"
    answer = requests.post(url, data=text, headers=headers(publisher))
    return {"status": answer.status_code, **answer.json()}


def read(user_id, token="everything"):
    url = endpoints["person"] + "/v2/user/user_id/" + quote(user_id, safe="") + "?active=any"
    answer = requests.get(url, headers=headers(token))
    answer.raise_for_status()
    return User(user_structure_json=answer.json())


def leaves(user):
    for name, member in user.as_dict().items():
        if name in GROUPS:
            yield from ((name, leaf, attribute) for leaf, attribute in member.items())
        elif name != "schema":
            yield (None, name, member)


def creators(group, leaf):
    if group is None:
        return rules["create"][leaf]
    in_group = rules["create"][group]
    return in_group[leaf] if isinstance(in_group, dict) else in_group


def give(user, group, leaf, attribute):
    holder = user.__dict__ if group is None else user.__dict__[group]
    holder[leaf] = copy.deepcopy(attribute)


def publish_as(publisher, person, stored):
    """Posts what this publisher may set of a person and nobody has set yet."""
    part = User()
    part.user_id = copy.deepcopy(stored.user_id)
    known = {(group, leaf): content_of(attribute) for group, leaf, attribute in leaves(stored)}
    for group, leaf, attribute in leaves(person):
        is_new = content_of(attribute) is not None and known[(group, leaf)] is None
        if not is_new or publisher not in creators(group, leaf):
            continue
        give(part, group, leaf, attribute)
        part.sign_attribute(leaf if group is None else group + "." + leaf, publisher)
    part.validate()
    merged = copy.deepcopy(stored)
    merged.merge(part)
    merged.verify_all_publishers(stored)
    return post(publisher, part.as_json())


def content_of(attribute):
    return attribute["value"] if "value" in attribute else attribute["values"]


def values_of(user):
    found = {}
    for group, leaf, attribute in leaves(user):
        found[leaf if group is None else group + "." + leaf] = content_of(attribute)
    return found


def failure_of(deed):
    """The failure's kind, or its words where Registrar has to say the same."""
    try:
        deed()
    except cis_profile.exceptions.PublisherVerificationFailure as failure:
        return str(failure)
    except (cis_profile.exceptions.SignatureVerificationFailure, jsonschema.ValidationError) as failure:
        return type(failure).__name__
    return None


def check(user, previous):
    return {
        "valid": user.validate() is None,
        "signed": user.verify_all_signatures(),
        "published": user.verify_all_publishers(previous),
    }


def live(seed):
    """All publishers in turn tell what they know of one made-up person."""
    config = FakeProfileConfig().ldap().hris().mozillians().create()
    person = FakeUser(seed=seed, config=config)
    answers, stored = [], User()
    stored.user_id.value = None
    checks = []
    for publisher in ["access_provider", "ldap", "hris", "mozilliansorg"]:
        answers.append(publish_as(publisher, person, stored))
        now = read(person.user_id.value)
        checks.append(check(now, stored))
        stored = now
    lost = [path for path, value in values_of(person).items() if lacks(stored, path, value)]
    return {"answers": answers, "checks": checks, "lost": lost, "userId": person.user_id.value}


def lacks(stored, path, value):
    is_servers_own = path in ["uuid", "primary_username", "created", "last_modified"]
    return not is_servers_own and value is not None and values_of(stored)[path] != value


def change(user_id):
    """A partial change in the manner of CIS's own clients, judged by the library's merge."""
    before = read(user_id)
    patch = User()
    patch.user_id = copy.deepcopy(before.user_id)
    patch.fun_title.value = "Keeper of the Keys"
    patch.update_timestamp("fun_title")
    patch.sign_attribute("fun_title", "mozilliansorg")
    answer = post("mozilliansorg", patch.as_json())
    again = post("mozilliansorg", json.dumps(patch.as_json()))
    after = read(user_id)
    merged = copy.deepcopy(before)
    changed = merged.merge(patch)
    return {
        "answer": answer,
        "again": again,
        "changed": changed,
        "check": check(after, before),
        "merged": {**values_of(merged), "last_modified": None}
        == {**values_of(after), "last_modified": None},
    }


def change_in_text(user_id):
    """Old clients encode a profile twice: the body is a JSON text that holds one."""
    patch = User()
    patch.user_id = copy.deepcopy(read(user_id).user_id)
    patch.location.value = "Ankh-Morpork"
    patch.update_timestamp("location")
    patch.sign_attribute("location", "mozilliansorg")
    answer = post("mozilliansorg", json.dumps(patch.as_json()))
    return {"answer": answer, "location": read(user_id).location.value}


def be_refused(user_id):
    """What the library finds wrong, Registrar finds wrong as well."""
    before = read(user_id)
    foreign = copy.deepcopy(before)
    foreign.first_name.value = "Mallory"
    foreign.update_timestamp("first_name")
    foreign.sign_attribute("first_name", "hris")
    forged = copy.deepcopy(before)
    forged.fun_title.value = "Forged"
    forged.update_timestamp("fun_title")
    shapeless = copy.deepcopy(before)
    shapeless.description.value = 7
    shapeless.update_timestamp("description")
    shapeless.sign_attribute("description", "mozilliansorg")
    return {
        "publisher": [
            failure_of(lambda: foreign.verify_all_publishers(before)),
            post("hris", foreign.as_json()),
        ],
        "signature": [
            failure_of(forged.verify_all_signatures),
            post("mozilliansorg", forged.as_json()),
        ],
        "schema": [failure_of(shapeless.validate), post("mozilliansorg", shapeless.as_json())],
        "unchanged": values_of(read(user_id)) == values_of(before),
    }


def filter_as(user_id, scopes):
    """True when a token of these scopes shows what the library's filters leave."""
    user = read(user_id)
    classes = [CLASSIFICATIONS[scope] for scope in scopes if scope in CLASSIFICATIONS]
    levels = [scope.split(":")[1] for scope in scopes if scope.startswith("display:")]
    user.filter_scopes(["PUBLIC", *classes])
    user.filter_display(["public", *[None if level == "none" else level for level in levels]])
    shown = read(user_id, " ".join(scopes))
    return {
        "same": user.as_dict() == shown.as_dict(),
        "kept": sum(1 for _ in leaves(shown)),
    }


lives = [live(seed) for seed in task["seeds"]]
user_id = lives[0]["userId"]
report = {
    "schema": well_known.get_schema(),
    "rules": rules,
    "lives": lives,
    "change": change(user_id),
    "changeInText": change_in_text(user_id),
    "refusals": be_refused(user_id),
    "filters": [filter_as(user_id, scopes) for scopes in task["readers"]],
}
json.dump(report, sys.stdout)
