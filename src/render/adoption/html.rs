//! Writes an adoption report as one page of HTML that needs nothing else: no script, no font, no network.

use std::io::{self, Write};

use super::chart::{self, Bar};
use super::words;
use crate::model::Standing;
use crate::render::inert::{html_text, quoted};
use crate::render::number::{count, day, moment};
use crate::rollout::adoption::{Adoption, Goal, Part, Row};

/// Is the look of the page, light and dark; colours that lie beside each other differ in lightness too.
const STYLE: &str = include_str!("page.css");

/// Is how many departments a chart shows; the table has all.
const MOST_BARS: usize = 25;

/// Writes it as a page.
pub fn html(out: &mut dyn Write, adoption: &Adoption) -> io::Result<()> {
    let name = html_text(&quoted(&adoption.tenant_name));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Adoption at {name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Adoption at {name}</h1>\n<p>As of {}; the tenant was read at {}.</p>",
        day(adoption.as_of),
        moment(adoption.read_at)
    )?;
    match &adoption.total {
        Some(total) => body(out, adoption, total)?,
        None => writeln!(
            out,
            "<p>Fewer than {} people are in scope, so nothing is told.</p>",
            count(adoption.min_group)
        )?,
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn body(out: &mut dyn Write, adoption: &Adoption, total: &Row) -> io::Result<()> {
    if !adoption.goals.is_empty() {
        writeln!(out, "<h2>Goals</h2>\n<ul>")?;
        for (goal, reached) in adoption.goals.iter().zip(&total.goals) {
            let verdict = words::verdict(reached.verdict);
            writeln!(out, "<li>{} of those in reach: <strong>{verdict}</strong></li>", words::goal(*goal))?;
        }
        writeln!(out, "</ul>")?;
    }
    legend(out, adoption)?;
    let waves = adoption.waves.iter().any(|branch| branch.row.of != Part::NoWave);
    let mut bars = vec![bar(total, "")];
    for branch in &adoption.waves {
        if waves {
            bars.push(bar(&branch.row, ""));
        }
        bars.extend(branch.groups.iter().map(|group| bar(group, if waves { "– " } else { "" })));
    }
    figure(out, "groups", if waves { "By wave and group" } else { "By group" }, &bars, &adoption.goals)?;
    match &adoption.departments {
        Some(departments) => {
            let bars: Vec<_> = departments.iter().map(|row| bar(row, "")).collect();
            figure(out, "departments", "By department", &bars, &[])?;
        }
        None => writeln!(out, "<h2>By department</h2>\n<p>The directory did not tell departments.</p>")?,
    }
    trend(out, adoption)
}

fn bar<'a>(row: &'a Row, indent: &str) -> Bar<'a> {
    Bar { name: format!("{indent}{}", words::part(&row.of, quoted)), row }
}

/// Explains the colours, and what is left out.
fn legend(out: &mut dyn Write, adoption: &Adoption) -> io::Result<()> {
    writeln!(out, "<ul class=\"legend\" aria-label=\"Colours\">")?;
    for standing in Standing::ALL {
        let (class, word) = (chart::class(standing), words::standing(standing));
        writeln!(out, "<li><span class=\"swatch {class}\"></span>{word}</li>")?;
    }
    writeln!(out, "<li><span class=\"swatch s-together\"></span>not told apart</li>\n</ul>")?;
    writeln!(
        out,
        "<p>No number here counts 1 to {} people, and no such number of a row can be computed from those of one moment: it \
         is shown as · and told together with others. What several rows have in common may follow.{}</p>",
        count(adoption.min_group - 1),
        if words::moments(adoption) > 1 { format!(" {}", words::TWO_MOMENTS) } else { String::new() }
    )
}

fn figure(out: &mut dyn Write, id: &str, title: &str, bars: &[Bar<'_>], goals: &[Goal]) -> io::Result<()> {
    writeln!(out, "<h2 id=\"{id}\">{title}</h2>\n<figure>")?;
    chart::bars(out, &format!("{id}-chart"), title, &bars[..bars.len().min(MOST_BARS)])?;
    if bars.len() > MOST_BARS {
        writeln!(out, "<figcaption>The first {MOST_BARS} rows; the table has all.</figcaption>")?;
    }
    writeln!(
        out,
        "</figure>\n<div class=\"wide\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">\n<table>"
    )?;
    write!(out, "<thead><tr><th scope=\"col\">Part</th><th scope=\"col\">people</th>")?;
    // A column of zeros would only push the others off the page.
    let occurs = |standing: &Standing| bars.iter().any(|bar| bar.row.told(*standing) != Some(0));
    let columns: Vec<_> = Standing::ALL.into_iter().filter(occurs).collect();
    for standing in columns.iter().copied() {
        write!(out, "<th scope=\"col\">{}</th>", words::standing(standing))?;
    }
    write!(out, "<th scope=\"col\">not told apart</th>")?;
    for goal in goals {
        write!(out, "<th scope=\"col\">{}</th>", words::goal(*goal))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for Bar { name, row } in bars {
        write!(out, "<tr><th scope=\"row\">{}</th><td>{}</td>", html_text(&quoted(name)), count(row.people))?;
        for standing in columns.iter().copied() {
            match row.told(standing) {
                Some(people) => write!(out, "<td>{}</td>", count(people))?,
                None => write!(out, "<td><abbr title=\"not told\">·</abbr></td>")?,
            }
        }
        write!(out, "<td>{}</td>", count(row.not_told_apart))?;
        for (_, reached) in goals.iter().zip(&row.goals) {
            write!(out, "<td>{}</td>", words::verdict(reached.verdict))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>")
}

/// Draws the trend of everybody and of each wave.
fn trend(out: &mut dyn Write, adoption: &Adoption) -> io::Result<()> {
    writeln!(out, "<h2 id=\"trend\">Trend</h2>")?;
    let totals: Vec<_> =
        adoption.trend.iter().filter_map(|point| Some((point.at, point.total.as_ref()?))).collect();
    if totals.is_empty() {
        return writeln!(out, "<p>No run of apply has measured anything yet.</p>");
    }
    writeln!(
        out,
        "<p>What runs of apply found before they changed anything, as shares of those in reach: \
         <span class=\"swatch s-in\"></span>opted in, <span class=\"swatch s-self\"></span>opted out by themselves.</p>"
    )?;
    let mut series = vec![("Everybody".to_owned(), totals)];
    for branch in adoption.waves.iter().filter(|branch| branch.row.of != Part::NoWave) {
        let same = |point: &'_ crate::rollout::adoption::Point| {
            point.waves.iter().position(|then| then.row.of == branch.row.of)
        };
        let points: Vec<_> = adoption
            .trend
            .iter()
            .filter_map(|point| Some((point.at, &point.waves[same(point)?].row)))
            .collect();
        if !points.is_empty() {
            series.push((words::part(&branch.row.of, quoted), points));
        }
    }
    for (index, (name, points)) in series.iter().enumerate() {
        writeln!(out, "<h3 id=\"trend-{index}\">{}</h3>", html_text(name))?;
        if points.len() > 1 {
            writeln!(out, "<figure>")?;
            chart::lines(out, &format!("trend-{index}-chart"), &format!("Trend of {name}"), points)?;
            writeln!(out, "</figure>")?;
        }
        writeln!(
            out,
            "<details><summary>The numbers</summary>\n<table>\n<thead><tr><th scope=\"col\">Run of</th>\
             <th scope=\"col\">people</th><th scope=\"col\">opted in</th>\
             <th scope=\"col\">opted out by themselves</th></tr></thead>\n<tbody>"
        )?;
        for (at, row) in points {
            writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
                moment(*at),
                count(row.people),
                words::share(row, Standing::OptedIn),
                words::share(row, Standing::OptedOutThemselves)
            )?;
        }
        writeln!(out, "</tbody>\n</table>\n</details>")?;
    }
    Ok(())
}
