"""Units: the grammar and the codes of UCUM (Unified Code for Units of Measure, 2.1), case-sensitive."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

LONGEST: Final = 200
DEEPEST: Final = 20

_PREFIXES: Final = ("Y", "Z", "E", "P", "T", "G", "M", "k", "h", "da", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y")
_BINARY_PREFIXES: Final = ("Ki", "Mi", "Gi", "Ti")

_WITH_PREFIX: Final = """
    m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L ar t bar u eV pc [c] [h] [k] [eps_0]
    [mu_0] [e] [m_e] [m_p] [G] [g] [ly] gf Ky Gal dyn erg P Bi St Mx G Oe Gb sb Lmb ph Ci R RAD REM cal_[15] cal_[20] cal_m
    cal_IT cal_th cal tex m[H2O] m[Hg] eq osm g% kat U [iU] [IU] Np B B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W] B[kW] st mho bit
    By Bd
"""
_WITHOUT_PREFIX: Final = """
    10* 10^ [pi] % [ppth] [ppm] [ppb] [pptr] gon deg ' '' min h d a_t a_j a_g a wk mo_s mo_j mo_g mo AU atm [lbf_av] [in_i]
    [ft_i] [yd_i] [mi_i] [fth_i] [nmi_i] [kn_i] [sin_i] [sft_i] [syd_i] [cin_i] [cft_i] [cyd_i] [bf_i] [cr_i] [mil_i]
    [cml_i] [hd_i] [ft_us] [yd_us] [in_us] [rd_us] [ch_us] [lk_us] [rch_us] [rlk_us] [fth_us] [fur_us] [mi_us] [acr_us]
    [srd_us] [smi_us] [sct] [twp] [mil_us] [in_br] [ft_br] [rd_br] [ch_br] [lk_br] [fth_br] [pc_br] [yd_br] [mi_br] [nmi_br]
    [kn_br] [acr_br] [gal_us] [bbl_us] [qt_us] [pt_us] [gil_us] [foz_us] [fdr_us] [min_us] [crd_us] [bu_us] [gal_wi] [pk_us]
    [dqt_us] [dpt_us] [tbs_us] [tsp_us] [cup_us] [foz_m] [cup_m] [tsp_m] [tbs_m] [gal_br] [pk_br] [bu_br] [qt_br] [pt_br]
    [gil_br] [foz_br] [fdr_br] [min_br] [gr] [lb_av] [oz_av] [dr_av] [scwt_av] [lcwt_av] [ston_av] [lton_av] [stone_av]
    [pwt_tr] [oz_tr] [lb_tr] [sc_ap] [dr_ap] [oz_ap] [lb_ap] [oz_m] [lne] [pnt] [pca] [pnt_pr] [pca_pr] [pied] [pouce]
    [ligne] [didot] [cicero] [degF] [degR] [degRe] [Cal] [Btu_39] [Btu_59] [Btu_60] [Btu_m] [Btu_IT] [Btu_th] [Btu] [HP]
    [den] [in_i'H2O] [in_i'Hg] [PRU] [wood'U] [diop] [p'diop] %[slope] [mesh_i] [Ch] [drp] [hnsf'U] [MET] [hp'_X] [hp'_C]
    [hp'_M] [hp'_Q] [hp_X] [hp_C] [hp_M] [hp_Q] [kp_X] [kp_C] [kp_M] [kp_Q] [pH] [S] [HPF] [LPF] [arb'U] [USP'U] [GPL'U]
    [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U] [ka'U] [knk'U] [mclg'U] [tb'U] [CCID_50]
    [TCID_50] [EID_50] [PFU] [FFU] [CFU] [IR] [BAU] [AU] [Amb'a'1'U] [PNU] [Lf] [D'ag'U] [FEU] [ELU] [EU] Ao b att [psi]
    circ sph [car_m] [car_Au] [smoot] [m/s2/Hz^(1/2)] [NTU] [FNU] bit_s
"""
_METRIC: Final = frozenset(_WITH_PREFIX.split())
_FIXED: Final = frozenset(_WITHOUT_PREFIX.split())

_ANNOTATION = re.compile(r"\{[\x21-\x7a\x7c\x7e]*\}")
_EXPONENT = re.compile(r"[+-]?[0-9]{1,3}\Z")
_NUMBER = re.compile(r"[0-9]{1,30}\Z")
_TOKEN = re.compile(r"(?P<note>\{[^{}]*\})|(?P<sign>[()./])|(?P<atom>(?:\[[^\[\]]*\]|[^\[\]{}()./])+)|(?P<other>.)", re.DOTALL)


@lru_cache(maxsize=4096)
def wrong_with(unit: str) -> str:
    """What keeps a text from being a UCUM unit, in a few words without any of it; empty where it is one."""
    if not unit:
        return "it is blank"
    if len(unit) > LONGEST:
        return f"it has more than {LONGEST} characters"
    if not unit.isascii():
        return "it has letters that UCUM does not use (write u for micro, Ohm, deg)"
    if " " in unit:
        return "it holds a space"
    tokens = [(m.lastgroup or "", m[0]) for m in _TOKEN.finditer(unit)]
    return _walk(tokens)


def _walk(tokens: list[tuple[str, str]]) -> str:
    """The grammar of UCUM 2.1 as a walk that knows whether a component is wanted and how many brackets are open."""
    wanted, depth, before = True, 0, ""
    for index, (kind, text) in enumerate(tokens):
        if kind == "note":
            if not _ANNOTATION.fullmatch(text):
                return "a note in braces holds a space or a brace"
            if not wanted and before == "note":
                return "two notes follow one another"
            wanted = False
        elif kind == "atom":
            if not wanted:
                return "a point or a slash is missing between two units"
            if wrong := _wrong_atom(text):
                return wrong
            wanted = False
        elif text == "(":
            if not wanted or (depth := depth + 1) > DEEPEST:
                return "a bracket opens where none can"
        elif text == ")":
            if wanted or not depth:
                return "a bracket closes where none can"
            depth -= 1
        elif kind == "sign":
            if wanted and not (text == "/" and (index == 0 or before == "(")):
                return "a unit is missing at a point or a slash"
            wanted = True
        else:
            return "its brackets or braces do not pair"
        before = kind if kind != "sign" else text
    return "it ends where a unit should follow" if wanted else "a bracket is never closed" if depth else ""


def _wrong_atom(text: str) -> str:
    if _NUMBER.match(text) or text in ("10*", "10^"):
        return ""
    for end in range(len(text), 0, -1):
        unit, exponent = text[:end], text[end:]
        if (not exponent or _EXPONENT.match(exponent)) and _is_unit(unit):
            return ""
    near = next(
        (
            u
            for u in ("mm[Hg]", "[iU]", "Cel", "umol", "ug", "mL", "dL", "min", "10*9", "10*6", "10*3", "%")
            if u.casefold() == text.casefold()
        ),
        "",
    )
    if near:
        return f"a code is in the wrong case (UCUM writes {near})"
    return "there is no such code"


def _is_unit(unit: str) -> bool:
    if unit in _METRIC or unit in _FIXED:
        return True
    return any(unit.startswith(prefix) and unit[len(prefix) :] in _METRIC for prefix in (*_PREFIXES, *_BINARY_PREFIXES))
