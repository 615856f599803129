"""Names for runs that are given none: an adjective, a noun and a number, as MLflow's users know them."""

import secrets
from typing import Final

_ADJECTIVES: Final = """
    able amber apt arctic autumn azure bold brave bright brisk calm candid casual clever cosmic crisp curious dapper deep
    eager early earnest exact fair fearless fine fleet fluent fond frank fresh gentle glad golden grand happy hardy honest
    humble ideal jolly keen kind lively loyal lucid lucky mellow merry mild modest neat nimble noble patient placid polite
    proud quick quiet rapid rare ready rich royal rustic serene sharp silent sincere sleek smooth snowy solid spry stately
    steady still stoic sunny supple sure swift tidy tranquil trusty upbeat urban valiant vivid warm wise witty young zesty
"""
_NOUNS: Final = """
    acorn alder antler aspen badger basin bay beaver birch bison breeze brook canyon cedar cliff cloud comet condor coral
    cove crane creek cub delta dove dune eagle elk ember falcon fern finch fjord fox gale geyser glade goose grove gull
    harbor hare hawk heron hill horse ibis island jay kelp kestrel lagoon lake lark leaf lion loon lynx maple marsh meadow
    mesa moose moss oak orca otter owl panda peak pebble pine plover pond puffin quail raven reef ridge river robin salmon
    seal shore shrike skunk snail sparrow spruce squid stag star stone stork swan thicket tide toad trout valley vole wave
    whale willow wolf wren yak
"""
_LISTS: Final = _ADJECTIVES.split(), _NOUNS.split()


def generated() -> str:
    adjective, noun = map(secrets.choice, _LISTS)
    return f"{adjective}-{noun}-{secrets.randbelow(1000)}"
