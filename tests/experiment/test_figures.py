"""Figures of studies: what is drawn is what was found, what is unknown is shown, what does not fit is refused."""

from __future__ import annotations

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.experiment.figures.ask import Ask, StudyView
from rtsched.experiment.statistics import weighted_schedulability
from tests.experiment.test_sweep import STUDY, Raises

PLANE = {
    **STUDY, "sets": 6, "until": "60 ms", "axes": {"generate.tasks": [3, 5], "generate.utilisation": [0.5, 0.9, 1.3]},
}  # fmt: skip
LINE = {**PLANE, "axes": {"generate.utilisation": [0.5, 0.9, 1.3]}}
EXITS = {
    "system": "drone_exits", "policies": {"EDF": "edf", "early exit": "edf+early-exit"}, "seeds": 2, "until": "500 ms",
    "metrics": ["miss_ratio", "effective_accuracy"],
}  # fmt: skip


@pytest.fixture(scope="module")
def plane():
    return rtsched.sweep(PLANE, jobs=1)


@pytest.fixture(scope="module")
def both():
    return rtsched.sweep(LINE, do="both", per_task=True, jobs=1)


@pytest.fixture(scope="module")
def exits():
    return rtsched.sweep(EXITS, jobs=1)


def lines(axes):
    """The marked lines of a panel: (x, y) of each."""
    return [list(zip(*line.get_data(), strict=True)) for line in axes.get_lines() if len(line.get_xdata())]


def notes(figure):
    return figure.get_supxlabel().replace("\n", " ")


def labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def inside(figure):
    """No name, title, legend or note of the figure is cut off at its rim."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    page = figure.bbox.padded(1)
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    texts += [figure._supxlabel]
    for axes in figure.axes:
        texts += [axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title]
    for text in texts:
        if text.get_text():
            box = text.get_window_extent(renderer)
            assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
            assert page.y0 <= box.y0 <= box.y1 <= page.y1, text
    return True


# ---- each kind -------------------------------------------------------------------------------------------------------


def test_curves_are_the_estimates(both):
    figure = both.plot(metric="miss_ratio")
    (axes,) = figure.axes
    for policy, drawn in zip(("G", "P"), lines(axes), strict=True):
        means = [100 * each.band.mean for each in both.estimates("miss_ratio") if each.policy == policy]
        assert drawn == list(zip([0.5, 0.9, 1.3], means, strict=True))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("utilisation of the processors", "misses (%)")
    assert labels(figure) == ["G", "P"]
    assert notes(figure) == "preview: n = 6 systems a point; 95 % intervals"


def test_bands_are_the_intervals(both):
    (axes,) = both.plot(metric="no_miss", policies="P").axes
    corners = {(x, round(y, 9)) for x, y in axes.collections[0].get_paths()[0].vertices}
    for each, x in zip([e for e in both.estimates("no_miss") if e.policy == "P"], (0.5, 0.9, 1.3), strict=True):
        assert {(x, round(100 * each.band.low, 9)), (x, round(100 * each.band.high, 9))} <= corners


def test_what_no_proof_decides_has_a_strip_of_its_own(both):
    figure = both.plot(metric="proven")
    upper, strip = figure.axes
    assert (upper.get_ylabel(), strip.get_ylabel().replace("\n", " ")) == ("proven schedulable (%)", "undecided (%)")
    rows = [row for row in both if row.run.policy == 0]
    unknown = [sum(row.run.point == x and not row.values["proven"] and not row.values["refuted"] for row in rows) for x in range(3)]  # fmt: skip
    assert sum(unknown)
    assert [y for _, y in lines(strip)[0]] == [pytest.approx(100 * count / 6) for count in unknown]
    everybody = sum(not row.values["proven"] and not row.values["refuted"] for row in both)
    assert f"unknown: {everybody}" in notes(figure)


def test_what_came_to_nothing_has_one_too():
    results = rtsched.sweep(LINE, jobs=1, policies={"G": "edf", "mine": Raises}, sets=10)
    failed = results.statuses()["error"]
    assert failed
    figure = results.plot(metric="no_miss")
    assert figure.axes[1].get_ylabel().replace("\n", " ") == "no value (%)"
    assert sum(y for _, y in lines(figure.axes[1])[2]) == pytest.approx(100 * failed / 10)
    assert f"runs in error: {failed}" in notes(figure)
    assert f"without a value: {failed}" in notes(results.plot("ecdf", metric="no_miss"))


def test_further_axes_are_panels_or_chosen(plane):
    figure = plane.plot(over="generate.utilisation")
    assert [axes.get_title() for axes in figure.axes] == ["tasks = 3", "tasks = 5"]
    (axes,) = plane.plot(at={"generate.tasks": "5"}).axes
    assert lines(axes) == lines(figure.axes[1])
    assert [axes.get_title() for axes in plane.plot().axes] == [f"utilisation = {load}" for load in (0.5, 0.9, 1.3)]


def test_several_metrics_of_one_unit_share_an_axis(both):
    figure = both.plot(metric=["no_miss", "proven"])
    assert labels(figure) == ["G, runs without a miss", "P, runs without a miss", "G, proven schedulable", "P, proven schedulable"]  # fmt: skip
    upper = figure.axes[0]
    for simulated, proven in zip(lines(upper)[:2], lines(upper)[2:], strict=True):
        assert all(run[1] >= proof[1] for run, proof in zip(simulated, proven, strict=True))


def test_tests_of_whole_sets_stand_beside_the_policies():
    """Each has the metric that it knows of: a run its misses, a test what it accepts."""
    results = rtsched.sweep({**LINE, "policies": {"edf": "edf"}, "tests": ["gfb"]}, jobs=1)
    figure = results.plot(metric=["no_miss", "proven"])
    assert labels(figure) == ["edf", "gfb"]
    (axes,) = figure.axes  # a test that does not accept leaves nothing open
    assert all(run >= proof for (_, run), (_, proof) in zip(*lines(axes), strict=True))
    assert labels(results.plot(metric="no_miss")) == ["edf"]
    with pytest.raises(InputError, match="none of these policies has a value of 'no_miss'"):
        results.plot(metric="no_miss", policies="gfb")


def test_an_axis_of_names_has_no_line():
    system = {"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "2 ms", "period": "5 ms"}]}
    results = rtsched.sweep(system=system, axes={"platform": ["uniprocessor", "multicore:2"]}, policies="edf", jobs=1)
    (axes,) = results.plot().axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["uniprocessor", "multicore:2"]
    assert axes.get_lines()[0].get_linestyle() == "None"


def test_weighted_schedulability_sums_up_over_the_utilisation(plane):
    (axes,) = plane.plot(metric="no_miss", weighted=True).axes
    assert axes.get_ylabel() == "weighted schedulability (%)"
    for policy, drawn in enumerate(lines(axes)):
        for (x, y), places in zip(drawn, ((0, 1, 2), (3, 4, 5)), strict=True):
            rows = [row for row in plane if row.run.point in places and row.run.policy == policy]
            loads, yes = [row.values["utilisation"] for row in rows], [row.values["no_miss"] == 1 for row in rows]
            assert y == pytest.approx(100 * weighted_schedulability(loads, yes).mean)
            assert x in (3, 5)


def test_an_ecdf_steps_once_for_each_system(both):
    figure = both.plot("ecdf", metric="miss_ratio", at={"generate.utilisation": 1.3})
    (axes,) = figure.axes
    steps = lines(axes)[0]
    assert [round(y, 6) for _, y in steps] == [round(100 * place / 6, 6) for place in range(7)]
    values = sorted(100 * row.values["miss_ratio"] for row in both if (row.run.point, row.run.policy) == (2, 0))
    assert [x for x, _ in steps[1:]] == pytest.approx(values)


def test_a_map_has_a_cell_for_each_point(plane):
    figure = plane.plot("heat", metric="no_miss", policies="G", size="double")
    axes = figure.axes[0]
    means = [each.band.mean for each in plane.estimates("no_miss") if each.policy == "G"]
    assert [text.get_text() for text in axes.texts] == [f"{100 * mean:.0f}" for mean in means]
    assert axes.collections[0].get_array().ravel().tolist() == pytest.approx([100 * mean for mean in means])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("utilisation of the processors", "number of tasks")


def test_a_front_goes_through_the_policies_that_none_beats(exits):
    (axes,) = exits.plot("pareto").axes
    bands = [{each.policy: each.band.mean for each in exits.estimates(name)} for name in EXITS["metrics"]]
    best = [who for who in ("EDF", "early exit") if not any(
        bands[0][other] <= bands[0][who] and bands[1][other] >= bands[1][who] and other != who for other in ("EDF", "early exit"))]  # fmt: skip
    front = lines(axes)[0]
    assert sorted(front) == sorted((100 * bands[0][who], 100 * bands[1][who]) for who in best)
    assert {text.get_text() for text in axes.texts} == {"EDF", "early exit"}


def test_no_dot_lies_below_the_line(both):
    figure = both.plot("scatter")
    tasks = [(row.run.policy, task) for row in both for task in row.tasks]
    for policy, axes in enumerate(figure.axes):
        dots, diagonal = axes.get_lines()[0], axes.get_lines()[1]
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
        assert all(y >= x for x, y in zip(*dots.get_data(), strict=True))
        mine = [task for who, task in tasks if who == policy]
        known = [task for task in mine if task["bound"] is not None and task["response_max"] is not None]
        assert len(dots.get_xdata()) == len(known)
        on = sum(task["bound"] == task["response_max"] for task in known)
        said = axes.get_title(loc="left").replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
        assert f"on the line {on}, above {len(known) - on}" in said
        assert f"no bound {sum(task['bound'] is None for task in mine)}" in said


def test_the_scatter_of_several_values_has_a_panel_for_each(both):
    figure = both.plot("scatter", over="generate.utilisation", policies="G")
    (whole,) = both.plot("scatter", policies="G").axes
    assert [axes.get_title(loc="left").partition("\n")[0] for axes in figure.axes] == [
        f"G, utilisation = {load}" for load in (0.5, 0.9, 1.3)
    ]
    dots = sorted(tuple(dot) for axes in figure.axes for dot in axes.get_lines()[0].get_xydata())
    assert dots == sorted(map(tuple, whole.get_lines()[0].get_xydata()))


# ---- as files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["single", "double"])
@pytest.mark.parametrize("kind", ["curves", "ecdf", "heat", "pareto", "scatter"])
def test_every_kind_fits_its_column(plane, both, exits, kind, size):
    results = {"heat": plane, "pareto": exits, "scatter": both}.get(kind, both)
    figure = results.plot(kind, size=size)
    assert figure.get_figwidth() == {"single": 3.5, "double": 7.16}[size]
    assert inside(figure)
    sizes = {text.get_fontsize() for axes in figure.axes for text in (*axes.get_xticklabels(), axes.xaxis.label)}
    assert min(sizes) >= 7


@pytest.mark.parametrize("ending", [".pdf", ".svg", ".png"])
def test_the_same_bytes_each_time_with_what_made_them_inside(both, tmp_path, ending):
    for name in ("one", "two"):
        both.plot(path=tmp_path / f"{name}{ending}", command="rtsched plot s.db")
    first, second = ((tmp_path / f"{name}{ending}").read_bytes() for name in ("one", "two"))
    assert first == second
    for told in ("rtsched plot s.db", f"rtsched {rtsched.__version__}", both.outline.digest):
        assert told.encode() in first or told.encode("utf-16-be") in first
    if ending == ".pdf":
        assert b"/CIDFontType2" in first or b"/TrueType" in first or b"FontFile2" in first
        assert b"/Type3" not in first
        assert b"CreationDate" not in first


def test_policies_are_told_apart_without_colour(both):
    from rtsched.plot import paper

    looks = [paper.look(place) for place in range(paper.MOST_LOOKS)]
    assert len({each.marker for each in looks}) == len({str(each.style) for each in looks}) == len(looks)
    assert len({each.colour for each in looks}) == len(looks)


def test_a_study_that_is_not_done_says_so(tmp_path):
    from rtsched.experiment.results import Results

    class EnoughError(Exception):
        """Somebody ends the study."""

    def end(done, total, failed):
        if done > 8:
            raise EnoughError

    with pytest.raises(EnoughError):
        rtsched.sweep(LINE, database=tmp_path / "s.db", jobs=1, progress=end)
    results = Results.open(tmp_path / "s.db")
    assert f"{results.statuses().total()} of 36 runs are there" in notes(results.plot())


def test_enough_systems_are_no_preview():
    from rtsched.experiment.words import population

    class Of:
        outline = type("Outline", (), {"sets": 1000})

    assert population(Of, [1000, 1000]) == "n = 1000 systems a point"
    assert population(Of, [40, 399]) == "preview: n = 40 to 399 systems a point"


# ---- what does not fit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "asked", "problem"),
    [
        ("heat", {}, "a map needs two axes, and here is only one left; try --kind curves"),
        ("heat", {"weighted": True}, "a map has no weighted form; that is of --kind curves"),
        ("heat", {"over": "generate.utilisation"}, r"a map is drawn over 2 axes \(found 1\); name as many with --over"),
        ("pareto", {}, "a front is of miss_ratio and one other metric .effective_accuracy., and this study has miss_ratio, no_miss"),
        ("scatter", {"metric": "no_miss"}, "a scatter shows bounds against responses and no metric"),
        ("ecdf", {"over": "generate.utilisation"}, "an ECDF is not drawn along an axis"),
        ("ecdf", {"metric": ("no_miss", "miss_ratio")}, "this kind of figure shows one metric; name fewer"),
        ("curves", {"metric": "speed"}, "no run of this study has 'speed'; there are miss_ratio, no_miss, proven"),
        ("curves", {"policies": "Q"}, "this study has no policy 'Q'; there are G, P"),
        ("curves", {"at": {"platform": "x"}}, "this study has no axis 'platform'; its axes are generate.utilisation"),
        ("curves", {"at": {"generate.utilisation": 7}}, "no point is at generate.utilisation=7; its values are 0.5, 0.9, 1.3"),
        ("curves", {"at": {"generate.utilisation": 0.5}}, "curves need an axis, and this study has one point; try --kind ecdf"),
        ("curves", {"weighted": True}, "weighted schedulability is of systems that are accepted or not; --metric no_miss or proven"),
        ("pie", {}, "a figure's kind is one of curves, ecdf, heat, pareto, scatter"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(both, kind, asked, problem):
    with pytest.raises(InputError, match=problem):
        both.plot(kind, **asked)


def test_what_a_study_lacks_is_refused_in_words(plane, exits):
    with pytest.raises(
        InputError, match="a scatter needs runs and proofs of each task: 'do: both' and 'per_task: true'"
    ):
        plane.plot("scatter")
    with pytest.raises(InputError, match="curves need an axis, and this study has one point"):
        exits.plot()
    with pytest.raises(InputError, match="no axis 'a'; it has none"):
        exits.plot(at={"a": 1})
    many = rtsched.sweep(LINE, jobs=1, sets=1, policies={str(name): "edf" for name in range(8)})
    with pytest.raises(
        InputError, match=r"8 curves cannot be told apart, 7 at most; choose with --policy and --metric \(policies: "
    ):
        many.plot()
    with pytest.raises(InputError, match="metrics of different units do not share an axis"):
        rtsched.sweep(LINE, jobs=1, sets=1, metrics=["miss_ratio", "response"]).plot(metric=["miss_ratio", "response"])
    wide = rtsched.sweep(
        system={"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "1 ms", "period": "5 ms"}]}, policies="edf", jobs=1,
        axes={"tasks.a.deadline": [f"{n} ms" for n in range(2, 5)], "tasks.a.wcet": [f"{n} us" for n in range(1, 15)]},
    )  # fmt: skip
    with pytest.raises(InputError, match="this makes 14 panels, more than 12; choose with --at AXIS=VALUE"):
        wide.plot()


def test_durations_are_numbers_of_an_axis():
    results = rtsched.sweep(
        system={"platform": "uniprocessor", "tasks": [{"name": "a", "wcet": "1 ms", "period": "5 ms"}]}, policies="edf", jobs=1,
        axes={"tasks.a.wcet": ["500 us", "2 ms", "6 ms"]},
    )  # fmt: skip
    (axes,) = results.plot(metric="no_miss").axes
    assert axes.get_xlabel() == "tasks.a.wcet (ms)"
    assert lines(axes)[0] == [(0.5, 100), (2, 100), (6, 0)]


def test_values_of_axes_are_found_as_text_and_as_numbers(plane):
    for wanted in (0.5, "0.5", "0.50"):
        assert StudyView(plane, Ask(at={"generate.utilisation": wanted})).points == [0, 3]
