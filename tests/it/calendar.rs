//! Dates written as HTTP writes them, for tests: the product reads dates and never writes one.

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub fn imf_fixdate(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 0;
    for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    let name = DAYS[usize::try_from(days % 7).unwrap()];
    format!("{name}, {:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT", day + 1, MONTHS[month])
}

/// The same moment as `Sunday, 06-Nov-94 08:49:37 GMT` and as `Sun Nov  6 08:49:37 1994`.
pub fn other_formats(seconds: u64) -> [String; 2] {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let fixdate = imf_fixdate(seconds);
    let parts: Vec<&str> = fixdate.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let [name, day, month, year, time, _] = parts[..] else { panic!("six parts: {parts:?}") };
    let long = DAYS.into_iter().find(|long| long.starts_with(name)).unwrap();
    let number: u8 = day.parse().unwrap();
    [format!("{long}, {day}-{month}-{} {time} GMT", &year[2..]), format!("{name} {month} {number:2} {time} {year}")]
}
