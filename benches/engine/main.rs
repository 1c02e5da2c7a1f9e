//! The engine, measured: articles a second on one core, by number and kind of keywords.
//!
//! `cargo bench --bench engine` judges news-like articles in nine languages (740 bytes on average) by 100 to 100,000
//! keywords: 40 % single terms, 25 % phrases, 25 % AND, 5 % NEAR, 3 % NOT, 2 % prefixes. In a *dense* set half of the
//! terms occur in the articles, so that matches grow with the keywords; in a *rare* one hardly any does. Folding, positions
//! and hits are included. The yardstick, measured right before every pass, is a bare pass over the same bytes that decodes,
//! lower-cases and hashes words, and knows no keyword. Time is the CPU time of the one thread, figures are medians.
//!
//! Arguments after `--`: `--articles FILE` (lines of id, language, title and text, parted by tabs; without it articles are
//! invented), `--count N` (articles), `--runs N`, `--keywords N,N,…`, `--dense` or `--rare` (one
//! of the sets alone), `--permille N` (a rare set in which so many of a thousand terms occur).

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod arguments;
mod articles;
mod bare;
mod dice;
mod keywords;
mod tongues;
mod trial;

use arguments::Arguments;
use trial::Trial;

fn main() -> anyhow::Result<()> {
    // `cargo test --all-targets` starts benchmarks, too, without `--bench`: not to measure.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if !words.iter().any(|word| word == "--bench") {
        return Ok(());
    }
    let arguments = Arguments::of(&words)?;
    let articles = articles::all(&arguments)?;
    let bytes: usize = articles.iter().map(articles::Article::bytes).sum();
    println!(
        "{} articles, {} bytes on average, {} runs\n",
        articles.len(),
        bytes / articles.len(),
        arguments.runs
    );
    let stock = keywords::Stock::of(&articles);
    let mut trials = Vec::new();
    for &kind in &arguments.kinds {
        for &count in &arguments.keywords {
            trials.push(Trial::new(kind, &stock.keywords(kind, count), &articles)?);
        }
    }
    for _ in 0..arguments.runs {
        for trial in &mut trials {
            trial.run(&articles)?;
        }
    }
    print!("{}", trial::table(&trials, articles.len()));
    Ok(())
}
